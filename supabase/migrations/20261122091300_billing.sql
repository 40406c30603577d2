-- Billing: the records. What was paid, what it granted, what was refunded or disputed, and
-- what a person or a provider still has to do about it. The rules that write them are in the
-- next file.

-- Which user a provider's customer is. This table wins over whatever a payload says: a
-- customer, once linked, belongs to that user. One that was deleted at the provider
-- stays linked, because events about it may still be on their way.
create table private.billing_customers (
  provider text not null,
  customer_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint billing_customers_pkey primary key (provider, customer_id),
  constraint billing_customers_provider_known check (provider in ('stripe', 'paypal')),
  constraint billing_customers_customer_id_length check (char_length(customer_id) between 1 and 255)
);

create index billing_customers_user_id_idx on private.billing_customers (user_id);

create unique index billing_customers_one_per_user
  on private.billing_customers (user_id, provider)
  where deleted_at is null;

comment on table private.billing_customers is
  'Which user each customer of a payment provider is. Decides whose a subscription is.';

revoke all on private.billing_customers from public, anon, authenticated, service_role;

-- Customers whose user has deleted the account. What is still said of them changes nothing
-- here, but money that they still pay must be stopped.
create table private.deleted_customers (
  provider text not null,
  customer_id text not null,
  deleted_at timestamptz not null default now(),
  constraint deleted_customers_pkey primary key (provider, customer_id)
);

comment on table private.deleted_customers is 'Customers whose user is gone; late events about them are ignored.';

revoke all on private.deleted_customers from public, anon, authenticated, service_role;

create function private.remember_deleted_customer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_customers (provider, customer_id)
  values (old.provider, old.customer_id)
  on conflict do nothing;
  return null;
end;
$$;

comment on function private.remember_deleted_customer() is
  'Trigger function: keeps the ids of customers whose user is deleted.';

revoke all on function private.remember_deleted_customer from public, anon, authenticated, service_role;

create trigger billing_customers_remember_deleted
  after delete on private.billing_customers
  for each row
  execute function private.remember_deleted_customer();


-- PayPal's subscriptions that we created, and no others: anybody can subscribe to a plan of
-- ours by PayPal's own pages, with a price of their own and another user's id. A row is kept
-- after its checkout and after its user, because an approval may come late.
create table private.known_subscriptions (
  provider text not null,
  subscription_id text not null,
  user_id uuid not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  opened_at timestamptz not null default now(),
  closed_at timestamptz,
  constraint known_subscriptions_pkey primary key (provider, subscription_id),
  constraint known_subscriptions_provider_known check (provider = 'paypal')
);

create index known_subscriptions_user_id_idx on private.known_subscriptions (user_id);
create index known_subscriptions_price_id_idx on private.known_subscriptions (price_id);
create index known_subscriptions_open_idx on private.known_subscriptions (provider, subscription_id) where closed_at is null;

comment on table private.known_subscriptions is 'PayPal subscriptions that create-paypal-subscription made: only these are believed.';
comment on column private.known_subscriptions.user_id is 'Not a foreign key: it outlives the user, so that a late approval is known to be nobody''s.';
comment on column private.known_subscriptions.closed_at is 'When it was seen to be over.';

revoke all on private.known_subscriptions from public, anon, authenticated, service_role;

-- Each read of a provider draws a number before it asks. A subscription is written only by a
-- read with a higher number than its row's, so a slow read cannot overwrite a newer one. The
-- numbers stay exact in JavaScript, below 2^53.
create sequence private.read_numbers as bigint start with 1000000000000000;

revoke all on sequence private.read_numbers from public, anon, authenticated, service_role;

-- Payments: an invoice of Stripe, a transaction of PayPal, the payment of a pack. Each is a
-- fact whenever it is heard of, so credits do not depend on the order of events. Where a
-- payment pays for a period of a subscription, the period stands with it.
create table private.payments (
  provider text not null,
  payment_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  -- Deferred, because a payment is written before the row of its subscription.
  subscription_id uuid references public.subscriptions (id) on delete cascade deferrable initially deferred,
  price_id uuid references public.prices (id) on delete restrict,
  paid_from timestamptz,
  paid_through timestamptz,
  months integer,
  paid_at timestamptz not null,
  amount bigint not null,
  currency text not null,
  refunded bigint not null default 0,
  refunded_at timestamptz,
  pack_credits integer,
  reversed_credits integer not null default 0,
  missing_credits integer not null default 0,
  constraint payments_pkey primary key (provider, payment_id),
  constraint payments_provider_known check (provider in ('stripe', 'paypal')),
  constraint payments_period_order check (paid_from < paid_through),
  constraint payments_period_complete check (num_nonnulls(paid_from, paid_through, months) in (0, 3))
);

create index payments_user_id_idx on private.payments (user_id);
create index payments_subscription_id_idx on private.payments (subscription_id, paid_from);
create index payments_price_id_idx on private.payments (price_id);

comment on table private.payments is 'What was paid: periods of subscriptions and packs.';
comment on column private.payments.price_id is 'Price of the period or of the pack; null where the payment is for neither.';
comment on column private.payments.months is 'Months of credits in the period: 1 for a monthly price, 12 for a yearly one.';
comment on column private.payments.amount is 'Amount that was really paid; 0 with a discount of 100 %, which counts as paid.';
comment on column private.payments.refunded is 'What came back: refunds, and lost disputes too.';
comment on column private.payments.refunded_at is 'When it was refunded in full; from then on its period is unpaid.';
comment on column private.payments.pack_credits is 'Credits of the packs that it bought; null for a payment of a subscription.';
comment on column private.payments.reversed_credits is 'Credits of the pack that were to be taken back, taken or not.';
comment on column private.payments.missing_credits is 'Those of them that could not be taken, because they were spent.';

revoke all on private.payments from public, anon, authenticated, service_role;

-- Moves to another price within a paid period: what proration lines say, or what a read saw
-- that no line explains.
create table private.plan_changes (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  changed_at timestamptz not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  constraint plan_changes_pkey primary key (subscription_id, changed_at, price_id)
);

create index plan_changes_price_id_idx on private.plan_changes (price_id);

comment on table private.plan_changes is 'Since when a subscription has been on another price than its period began with.';

revoke all on private.plan_changes from public, anon, authenticated, service_role;

-- What a read says of a subscription that only the owner's figures need. Kept apart, because
-- it follows neither premium nor credits.
create table private.subscription_terms (
  subscription_id uuid primary key references public.subscriptions (id) on delete cascade,
  started_at timestamptz,
  discount_percent numeric not null default 0,
  discount_amount bigint not null default 0,
  constraint subscription_terms_discount_percent_range check (discount_percent between 0 and 100),
  constraint subscription_terms_discount_amount_not_negative check (discount_amount >= 0)
);

create index subscription_terms_started_at_idx on private.subscription_terms (started_at);

comment on table private.subscription_terms is 'Since when a subscription runs, and what a discount that recurs takes off its price.';
comment on column private.subscription_terms.discount_amount is
  'Taken off each period after the percentage, in the smallest unit.';

revoke all on private.subscription_terms from public, anon, authenticated, service_role;

-- The months of each subscription that have had credits, and how many.
create table private.granted_months (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  month_start timestamptz not null,
  credits integer not null,
  constraint granted_months_pkey primary key (subscription_id, month_start)
);

comment on table private.granted_months is 'The subscription months whose credits were granted.';

revoke all on private.granted_months from public, anon, authenticated, service_role;

-- Times in which a subscription entitled to nothing although it may have been paid for. A
-- month that starts in one grants nothing, also after it is over.
create table private.entitlement_lapses (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  cause text not null,
  lapsed_from timestamptz not null,
  lapsed_until timestamptz,
  reason text,
  constraint entitlement_lapses_pkey primary key (subscription_id, cause, lapsed_from),
  constraint entitlement_lapses_cause_known check (cause in ('status', 'revoked'))
);

comment on table private.entitlement_lapses is 'Times in which a subscription was unpaid, paused or revoked.';
comment on column private.entitlement_lapses.lapsed_until is 'Null while it lasts.';
comment on column private.entitlement_lapses.reason is 'Why an operator revoked it.';

revoke all on private.entitlement_lapses from public, anon, authenticated, service_role;

-- Refunds and disputes of both providers. They outlive their user: they are about money.
create table private.payment_incidents (
  provider text not null,
  incident_id text not null,
  kind text not null,
  payment_id text,
  user_id uuid references public.users (id) on delete set null,
  amount bigint not null,
  currency text not null,
  status text not null,
  reason text,
  due_at timestamptz,
  created_at timestamptz not null,
  closed_at timestamptz,
  read_number bigint not null,
  -- A lost dispute revokes once: what an operator has reinstated stays reinstated.
  has_revoked boolean not null default false,
  constraint payment_incidents_pkey primary key (provider, kind, incident_id),
  constraint payment_incidents_provider_known check (provider in ('stripe', 'paypal')),
  constraint payment_incidents_kind_known check (kind in ('refund', 'dispute'))
);

create index payment_incidents_payment_idx on private.payment_incidents (provider, payment_id);
create index payment_incidents_user_id_idx on private.payment_incidents (user_id);
create index payment_incidents_created_at_idx on private.payment_incidents (created_at);

comment on table private.payment_incidents is 'Refunds and disputes, as the provider last told them.';
comment on column private.payment_incidents.due_at is 'Until when a dispute must be answered.';
comment on column private.payment_incidents.status is 'The provider''s own word, in lower case.';

revoke all on private.payment_incidents from public, anon, authenticated, service_role;

-- What a person must look at, and no rule can decide. Parked and failed events are not
-- repeated here.
create table private.billing_flags (
  id bigint generated always as identity primary key,
  kind text not null,
  provider text not null default '',
  reference text not null,
  user_id uuid,
  reason text not null,
  since timestamptz not null default now(),
  resolved_at timestamptz,
  constraint billing_flags_once unique (kind, provider, reference),
  constraint billing_flags_kind_known check (
    kind in (
      'refund', 'dispute', 'second_subscription', 'paypal_not_believed', 'money_without_account',
      'credits_not_taken', 'credits_overflow', 'sweep_failure', 'ledger_disagreement', 'other_mode'
    )
  )
);

create index billing_flags_open_idx on private.billing_flags (since, id) where resolved_at is null;

create index billing_flags_user_id_idx on private.billing_flags (user_id);

comment on table private.billing_flags is 'What a person must look at.';
comment on column private.billing_flags.reference is 'The provider''s id of what it is about, or ours.';
comment on column private.billing_flags.user_id is 'Not a foreign key: a flag about a deleted user stays.';

revoke all on private.billing_flags from public, anon, authenticated, service_role;

-- What is to be done at a provider after the transaction that decided it. A function that
-- is cut off before it has done so leaves the row for the next.
create table private.provider_tasks (
  id bigint generated always as identity primary key,
  provider text not null,
  subscription_id text not null,
  action text not null,
  user_id uuid,
  reason text not null,
  requested_at timestamptz not null default now(),
  attempts integer not null default 0,
  error text,
  retry_at timestamptz,
  done_at timestamptz,
  constraint provider_tasks_provider_known check (provider in ('stripe', 'paypal')),
  constraint provider_tasks_action_known check (action in ('cancel', 'activate', 'email'))
);

create unique index provider_tasks_open_idx
  on private.provider_tasks (provider, subscription_id, action)
  where done_at is null;

comment on table private.provider_tasks is 'What is to be done at a provider: a subscription cancelled or activated, a customer''s email changed.';
comment on column private.provider_tasks.subscription_id is 'The provider''s id of the subscription; with the action email, of the customer.';
comment on column private.provider_tasks.user_id is 'Not a foreign key: the user may be deleted.';

revoke all on private.provider_tasks from public, anon, authenticated, service_role;

-- The one open checkout of a user. `attempt` is the idempotency key at the provider, so
-- that two clicks at once make one session; `fingerprint` says what was asked for.
create table private.checkouts (
  user_id uuid primary key references public.users (id) on delete cascade,
  attempt uuid not null default gen_random_uuid(),
  provider text not null,
  fingerprint text not null,
  price_id uuid not null references public.prices (id) on delete cascade,
  trial_days integer not null default 0,
  user_coupon_id uuid references public.user_coupons (id) on delete set null,
  session_id text,
  url text,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint checkouts_session_id_key unique (session_id),
  constraint checkouts_provider_known check (provider in ('stripe', 'paypal'))
);

create index checkouts_price_id_idx on private.checkouts (price_id);
create index checkouts_user_coupon_id_idx on private.checkouts (user_coupon_id);

comment on table private.checkouts is 'The open checkout of each user: one at most, or one person could subscribe twice.';

revoke all on private.checkouts from public, anon, authenticated, service_role;

-- Payments: a Stripe invoice, a PayPal transaction, the payment of a pack. A payment is recorded at the first event
-- or read that reports it, so credits do not depend on the order of events. A payment for a period of a subscription
-- also holds that period.
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
comment on column private.payments.price_id is 'Price of the period or of the pack; null where the payment is for neither of them.';
comment on column private.payments.months is 'Months of credits in the period: 1 for a monthly price, 12 for a yearly one.';
comment on column private.payments.amount is 'Amount that was paid; 0 with a discount of 100 %, which counts as paid.';
comment on column private.payments.refunded is 'Amount that was paid back by refunds and lost disputes.';
comment on column private.payments.refunded_at is 'When it was refunded in full; from then on its period is unpaid.';
comment on column private.payments.pack_credits is 'Credits of the packs that it bought; null for a payment of a subscription.';
comment on column private.payments.reversed_credits is 'Credits of the pack that had to be taken back, whether or not the balance had them.';
comment on column private.payments.missing_credits is 'Part of reversed_credits that could not be taken back, because they were spent.';

revoke all on private.payments from public, anon, authenticated, service_role;

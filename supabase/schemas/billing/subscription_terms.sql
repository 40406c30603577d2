-- What a read reports about a subscription that only the figures of billing_overview() need. It is a table of its
-- own, because neither premium nor credits depend on it.
create table private.subscription_terms (
  subscription_id uuid primary key references public.subscriptions (id) on delete cascade,
  started_at timestamptz,
  discount_percent numeric not null default 0,
  discount_amount bigint not null default 0,
  constraint subscription_terms_discount_percent_range check (discount_percent between 0 and 100),
  constraint subscription_terms_discount_amount_not_negative check (discount_amount >= 0)
);

create index subscription_terms_started_at_idx on private.subscription_terms (started_at);

comment on table private.subscription_terms is 'When each subscription started, and the recurring discount on its price.';
comment on column private.subscription_terms.discount_amount is
  'Subtracted from the price of each period after the percentage, in the smallest unit.';

revoke all on private.subscription_terms from public, anon, authenticated, service_role;

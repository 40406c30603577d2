-- The months of each subscription for which credits were granted, and how many.
create table private.granted_months (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  month_start timestamptz not null,
  credits integer not null,
  constraint granted_months_pkey primary key (subscription_id, month_start)
);

comment on table private.granted_months is 'The subscription months whose credits were granted.';

revoke all on private.granted_months from public, anon, authenticated, service_role;

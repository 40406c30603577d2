-- The one open checkout of a user. `attempt` is the idempotency key at the provider, so that two clicks at once
-- create one session; `fingerprint` describes what was requested.
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

comment on table private.checkouts is 'The open checkout of each user: at most one, or one person could subscribe twice.';

revoke all on private.checkouts from public, anon, authenticated, service_role;

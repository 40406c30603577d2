-- Coupons: discount codes. No client reads them, or codes could be listed. Users try a code by the edge function
-- redeem-coupon, which counts attempts.
create table public.coupons (
  id uuid primary key default gen_random_uuid(),
  code text not null,
  discount_percent integer not null,
  description text,
  is_active boolean not null default true,
  max_uses integer,
  current_uses integer not null default 0,
  expiration_date timestamptz,
  created_at timestamptz not null default now(),
  duration text not null default 'once',
  stripe_coupon_id text,
  constraint idx_coupons_code unique (code),
  -- Upper case, so that a code is the same however it was typed.
  constraint coupons_code_form check (code ~ '^[A-Z0-9][A-Z0-9_-]{2,63}$'),
  constraint coupons_discount_percent_range check (discount_percent between 1 and 100),
  constraint coupons_description_length check (char_length(description) <= 4000),
  constraint coupons_current_uses_not_negative check (current_uses >= 0),
  constraint coupons_current_uses_within_max check (current_uses <= max_uses),
  constraint coupons_duration_known check (duration in ('once', 'forever'))
);

comment on table public.coupons is 'Discount codes. Not readable by clients, so that nobody can list them.';
comment on column public.coupons.discount_percent is '1 to 100.';
comment on column public.coupons.max_uses is 'How many users may redeem it; null for no limit.';
comment on column public.coupons.current_uses is 'How many users have redeemed it; never more than max_uses.';
comment on column public.coupons.expiration_date is 'From this time on it cannot be redeemed; null for never.';
comment on column public.coupons.duration is 'once: the first invoice; forever: every invoice.';
comment on column public.coupons.stripe_coupon_id is 'Id of the Stripe coupon with the same discount, created when a checkout first needs it.';

alter table public.coupons enable row level security;

revoke all on public.coupons from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.coupons to service_role;

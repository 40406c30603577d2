-- Coupon redemptions: one row per user and coupon, written only by functions. Clients read their own. If a client
-- could insert, a user could redeem a coupon without the use being counted against max_uses.
create table public.user_coupons (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  coupon_id uuid not null references public.coupons (id) on delete cascade,
  used_at timestamptz not null default now(),
  checkout_session_id text,
  applied_at timestamptz,
  constraint user_coupons_once_per_user unique (user_id, coupon_id)
);

create index user_coupons_coupon_id_idx on public.user_coupons (coupon_id);

comment on table public.user_coupons is 'Redemptions: which user redeemed which coupon, and the checkout that spent it.';
comment on column public.user_coupons.checkout_session_id is 'The checkout that has reserved or spent it.';
comment on column public.user_coupons.applied_at is 'When that checkout completed; null while unspent.';

alter table public.user_coupons enable row level security;

create policy "users read their own redemptions"
  on public.user_coupons
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.user_coupons
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

revoke all on public.user_coupons from public, anon, authenticated, service_role;
grant select on public.user_coupons to authenticated;
grant select, insert, update, delete on public.user_coupons to service_role;

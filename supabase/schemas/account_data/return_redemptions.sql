-- Gives the new account of a returning email the redemptions of every account that has had this email, as spent.
-- They are not counted again as uses of the coupon.
create function private.return_redemptions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.user_coupons (user_id, coupon_id, used_at, applied_at)
  select new.id, c.id, min(r.used_at), min(r.used_at)
  from private.account_emails as a
  cross join lateral (
    select u.reference as coupon_id, u.used_at
    from private.account_uses as u
    where u.user_id = a.user_id
      and u.kind = 'coupon'
    union all
    select k.coupon_id::text, k.used_at
    from public.user_coupons as k
    where k.user_id = a.user_id
  ) as r
  join public.coupons as c on c.id::text = r.coupon_id
  where a.email_hash = private.hash_email(new.email)
  group by c.id
  on conflict on constraint user_coupons_once_per_user do nothing;
  return null;
end;
$$;

create trigger users_return_redemptions
  after insert on public.users
  for each row
  execute function private.return_redemptions();

revoke all on function private.return_redemptions from public, anon, authenticated, service_role;

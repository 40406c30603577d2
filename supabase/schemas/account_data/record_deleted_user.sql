-- Records the id and the used coupons of a user who is being deleted. It runs before the user's row is deleted,
-- while the rows that depend on it still exist. It holds the lock on that row, so a redemption at the same time is
-- either committed and recorded here, or finds no account.
create function private.record_deleted_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_users as d (user_id)
  values (old.id)
  on conflict (user_id) do update
    set deleted_at = excluded.deleted_at;

  insert into private.account_uses (user_id, kind, reference, used_at)
  select old.id, 'coupon', r.coupon_id::text, r.used_at
  from public.user_coupons as r
  where r.user_id = old.id
  on conflict on constraint account_uses_pkey do nothing;

  -- A user who has signed in has a confirmed email, even where it was not recorded at the time.
  if old.last_login is not null then
    perform private.remember_email(old.id, old.email);
  end if;
  return old;
end;
$$;

create trigger users_record_deleted
  before delete on public.users
  for each row
  execute function private.record_deleted_user();

revoke all on function private.record_deleted_user from public, anon, authenticated, service_role;

-- Keeps public.users in step with auth.users. Signing in must not depend on this: an error becomes a warning in the
-- log, a lock that is held elsewhere is waited for two seconds at most, and the next sign-in or get_my_account()
-- repairs the row.
create function private.follow_auth_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '2s'
as $$
begin
  perform private.ensure_account(new.id);
  return null;
exception
  when others then
    raise warning 'account % was not synchronised: % (%)', new.id, sqlerrm, sqlstate;
    return null;
end;
$$;

-- People sign in while a push runs. If the lock on auth.users is not free within five seconds, the push fails; while
-- it waited longer, everybody who signs in would wait behind it.
set local lock_timeout = '5s';

create trigger pinebase_100_account_created
  after insert on auth.users
  for each row
  execute function private.follow_auth_user();

create trigger pinebase_100_account_changed
  after update of email, email_confirmed_at, last_sign_in_at on auth.users
  for each row
  when (
    old.email is distinct from new.email
    or old.email_confirmed_at is distinct from new.email_confirmed_at
    or old.last_sign_in_at is distinct from new.last_sign_in_at
  )
  execute function private.follow_auth_user();

revoke all on function private.follow_auth_user from public, anon, authenticated, service_role;

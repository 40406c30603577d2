-- Sign-in must not depend on us: whatever goes wrong here is a warning in the log, a lock held elsewhere is
-- waited for two seconds at most, and the next sign-in or get_my_account() repairs the row.
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

comment on function private.follow_auth_user() is
  'Trigger function on auth.users: keeps public.users in step and never fails the auth write.';

-- auth.users is live while this runs: a push that cannot have it soon gives up, rather
-- than stand in the queue before everybody who signs in.
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

-- Remembers each confirmed email of an account. An error becomes a warning in the log, so that it never makes a
-- write of Auth fail.
create function private.follow_confirmed_email()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '2s'
as $$
begin
  perform private.remember_email(new.id, new.email);
  return null;
exception
  when others then
    raise warning 'the email of account % was not remembered: % (%)', new.id, sqlerrm, sqlstate;
    return null;
end;
$$;

set local lock_timeout = '5s';

-- 500: after the triggers that create the account (100), so that an account is created before its email counts as
-- one that an account has had.
create trigger pinebase_500_email_added
  after insert on auth.users
  for each row
  when (new.email <> '' and (new.email_confirmed_at is not null or new.is_sso_user))
  execute function private.follow_confirmed_email();

create trigger pinebase_500_email_confirmed
  after update of email, email_confirmed_at on auth.users
  for each row
  when (
    new.email <> ''
    and (new.email_confirmed_at is not null or new.is_sso_user)
    and (
      old.email is distinct from new.email
      or old.email_confirmed_at is distinct from new.email_confirmed_at
    )
  )
  execute function private.follow_confirmed_email();

revoke all on function private.follow_confirmed_email from public, anon, authenticated, service_role;

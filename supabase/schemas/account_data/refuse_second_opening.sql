-- A new account whose email another account has had starts with no credits. Otherwise, deleting an account and
-- signing up again would give opening credits each time.
create function private.refuse_second_opening()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if exists (
    select
    from private.account_emails as a
    where a.email_hash = private.hash_email(new.email)
      and (
        a.user_id <> new.id
        or private.is_deleted_user(new.id)
      )
  ) then
    new.credits := 0;
  end if;
  return new;
end;
$$;

create trigger users_refuse_second_opening
  before insert on public.users
  for each row
  execute function private.refuse_second_opening();

revoke all on function private.refuse_second_opening from public, anon, authenticated, service_role;

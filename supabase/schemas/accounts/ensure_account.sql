-- Creates the account of an auth user who has an email, or brings its email and last sign-in up to date. auth.users
-- lets a single-sign-on user share an email with another user: the account belongs to the user who had it first, and
-- the other one gets no account, with a warning in the log.
--
-- Signing up proves nothing about an email until it is confirmed. So a user whose email is confirmed takes it from a
-- user who has never confirmed it; otherwise a stranger could keep the owner out by signing up first. Nobody can
-- have signed in to the account that loses it, so nothing is lost.
create function private.ensure_account(user_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  for v_attempt in 1..2 loop
    begin
      insert into public.users as account (id, email, full_name, created_at, last_login)
      select
        u.id,
        u.email,
        left(nullif(btrim(coalesce(u.raw_user_meta_data ->> 'full_name', u.raw_user_meta_data ->> 'name')), ''), 200),
        coalesce(u.created_at, now()),
        u.last_sign_in_at
      from auth.users as u
      where u.id = ensure_account.user_id
        and u.email <> ''
      on conflict (id) do update
        set email = excluded.email,
            last_login = excluded.last_login
        where (account.email, account.last_login) is distinct from (excluded.email, excluded.last_login);
      return;
    exception
      when unique_violation then
        delete from public.users as account
        using auth.users as newcomer, auth.users as holder
        where newcomer.id = ensure_account.user_id
          and (newcomer.email_confirmed_at is not null or newcomer.is_sso_user)
          and account.email = newcomer.email
          and account.id <> newcomer.id
          and holder.id = account.id
          and holder.email_confirmed_at is null
          and not holder.is_sso_user
          and holder.last_sign_in_at is null;

        if not found then
          exit;
        end if;
    end;
  end loop;

  raise warning 'account % was not synchronised: its email belongs to another account', ensure_account.user_id;
end;
$$;

revoke all on function private.ensure_account from public, anon, authenticated, service_role;

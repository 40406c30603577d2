-- Made from supabase/schemas/accounts/ by `npm run db:diff -- --first`: change it there.

-- The only rule that decides who is premium: the given end of premium lies in the future. Null means not premium.
create function private.is_premium_until(premium_until timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
return coalesce(is_premium_until.premium_until > now(), false);

revoke all on function private.is_premium_until from public, anon, authenticated, service_role;

-- Accounts: one row per signed-in person with an email, in step with auth.users. That table belongs to Supabase and
-- is not exposed, so what the app stores about a person stands here. Users may change their names and preferences
-- and nothing else, because credits and premium are money.
create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  email text not null,
  full_name text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  credits integer not null default 5,
  is_premium boolean not null default false,
  preferences jsonb not null default '{}',
  last_login timestamptz,
  premium_until timestamptz,
  public_name text,
  constraint idx_users_email unique (email),
  constraint users_full_name_length check (char_length(full_name) <= 200),
  constraint users_public_name_length check (char_length(public_name) <= 60 and public_name ~ '\S'),
  constraint users_credits_not_negative check (credits >= 0),
  constraint users_preferences_is_an_object check (jsonb_typeof(preferences) = 'object'),
  -- 16 KiB hold any settings page; a larger document needs a table of its own.
  constraint users_preferences_size check (octet_length(preferences::text) <= 16384)
);

comment on table public.users is
  'Accounts: one row per auth user with an email. Filled and kept in step by triggers on auth.users.';
comment on column public.users.id is 'The id in auth.users; deleting that user deletes this row and everything that refers to it.';
comment on column public.users.email is 'The email of the auth user; follows a confirmed change.';
comment on column public.users.full_name is 'Display name, at most 200 characters; taken from the sign-up metadata; the user may change it.';
comment on column public.users.public_name is
  'Name shown to everybody as the author of what the user publishes, 1 to 60 characters; null shows none.';
comment on column public.users.credits is 'Balance of the ledger credit_transactions; never negative, never written without a ledger row.';
comment on column public.users.is_premium is 'Copy of premium_until > now() for display, at most one sweep late. Decide by premium_until.';
comment on column public.users.preferences is 'The app''s settings for this user: a JSON object of at most 16 KiB.';
comment on column public.users.last_login is 'Last sign-in, from auth.users.';
comment on column public.users.premium_until is 'Premium while this lies in the future; null for never. Written by billing only.';

-- Support looks up an account by its email, without regard to case.
create index users_lower_email_idx on public.users (lower(email));

-- The sweep finds lapsed premium here whose copy for display, is_premium, is still true.
create index users_premium_lapses_idx on public.users (premium_until) where is_premium;

alter table public.users enable row level security;

create policy "users read their own account"
  on public.users
  for select
  to authenticated
  using (id = (select auth.uid()));

-- The grants limit the columns that may be updated.
create policy "users update their own account"
  on public.users
  for update
  to authenticated
  using (id = (select auth.uid()))
  with check (id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.users
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

-- The check of the size prints the document, and a number such as 1e131071 prints as 128 KiB. So the numbers are
-- checked before the table's own checks run.
create function private.check_preferences()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_json(new.preferences, 16384, 'preferences', 'users_preferences_size');
  return new;
end;
$$;

create trigger users_check_preferences
  before insert or update of preferences on public.users
  for each row
  execute function private.check_preferences();

-- is_premium is derived from premium_until here and nowhere else, so a write of is_premium alone has no effect.
create function private.copy_is_premium()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  new.is_premium := private.is_premium_until(new.premium_until);
  return new;
end;
$$;

create trigger users_100_copy_is_premium
  before insert or update of is_premium, premium_until on public.users
  for each row
  execute function private.copy_is_premium();

-- 900: after is_premium has been derived (100), so that a write which that trigger undoes does not move updated_at.
create trigger users_900_set_updated_at
  before update on public.users
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

revoke all on public.users from public, anon, authenticated, service_role;
grant select on public.users to authenticated;
grant update (full_name, public_name, preferences) on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;
revoke all on function private.check_preferences, private.copy_is_premium
  from public, anon, authenticated, service_role;

-- Returns the id of the signed-in user and locks their account until the transaction ends. In the order of locks the
-- account comes before everything else that the caller writes. Creates the account where the trigger at sign-up
-- failed to. Raises what caller_id() raises, and email_required for a session without an email, such as an anonymous
-- one.
create function private.caller_account(of_own_session boolean default false, with_second_factor boolean default false)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(caller_account.of_own_session, caller_account.with_second_factor);
begin
  if not private.lock_account(v_user_id) then
    perform private.ensure_account(v_user_id);
    if not private.lock_account(v_user_id) then
      perform private.raise_error('email_required', 'Add an email to your account first.');
    end if;
  end if;
  return v_user_id;
end;
$$;

revoke all on function private.caller_account from public, anon, authenticated, service_role;

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

-- Whether this user is premium now; false for an unknown user.
create function private.is_premium(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
begin atomic
  select exists (
    select
    from public.users as u
    where u.id = is_premium.user_id
      and private.is_premium_until(u.premium_until)
  );
end;

revoke all on function private.is_premium from public, anon, authenticated, service_role;

-- Locks a user's account until the transaction ends, and returns whether it exists. Locks are taken in one order
-- everywhere: the user's row, then subscriptions, then the rest. Transactions that take the same rows in different
-- orders could end as a deadlock.
create function private.lock_account(user_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform
  from public.users as u
  where u.id = lock_account.user_id
  for no key update;
  return found;
end;
$$;

-- A statement of a client that may write several rows locks its own user first, so two requests of one user run one
-- after the other, and neither holds rows that the other one waits for.
create function private.lock_own_account()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.lock_account((select auth.uid()));
  return null;
end;
$$;

revoke all on function private.lock_account, private.lock_own_account from public, anon, authenticated, service_role;

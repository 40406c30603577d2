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

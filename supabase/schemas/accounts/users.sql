-- Accounts: one row per signed-in person with an email, in step with auth.users.
--
-- auth.users is not ours to extend and not exposed, so what the app knows about a
-- person stands here. A user may change their name and preferences and nothing
-- else: credits and premium are money.
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
  -- 16 KiB hold any settings page; more than that is a document, and wants a table.
  constraint users_preferences_size check (octet_length(preferences::text) <= 16384)
);

comment on table public.users is
  'Accounts: one row per auth user with an email. Filled and kept in step by triggers on auth.users.';
comment on column public.users.id is 'The id in auth.users; deleting that user deletes this row and all that hangs on it.';
comment on column public.users.email is 'The email of the auth user; follows a confirmed change.';
comment on column public.users.full_name is 'Display name, at most 200 characters; taken from the sign-up metadata, then the user''s to change.';
comment on column public.users.public_name is
  'Name shown to everybody as the author of what the user publishes, 1 to 60 characters; null shows none.';
comment on column public.users.credits is 'Balance of the ledger credit_transactions; never negative, never written without a ledger row.';
comment on column public.users.is_premium is 'Copy of premium_until > now() for display, at most one sweep late. Decide by premium_until.';
comment on column public.users.preferences is 'The app''s settings for this user: a JSON object of at most 16 KiB.';
comment on column public.users.last_login is 'Last sign-in, from auth.users.';
comment on column public.users.premium_until is 'Premium while this lies in the future; null for never. Written by billing only.';

-- Support looks an account up by its email, however it was typed.
create index users_lower_email_idx on public.users (lower(email));

-- is_premium is a copy for display; the sweep finds premium that has lapsed here.
create index users_premium_lapses_idx on public.users (premium_until) where is_premium;

alter table public.users enable row level security;

create policy "users read their own account"
  on public.users
  for select
  to authenticated
  using (id = (select auth.uid()));

-- The grants say which columns may be updated.
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

-- The check of the size prints the document: by then its numbers must be known to be harmless.
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

comment on function private.check_preferences() is
  'Trigger function: refuses preferences that are too large or hold a number outside double precision.';

create trigger users_check_preferences
  before insert or update of preferences on public.users
  for each row
  execute function private.check_preferences();

-- is_premium is derived here and nowhere else, so that writing it alone has no effect.
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

comment on function private.copy_is_premium() is
  'Trigger function: derives users.is_premium from premium_until.';

create trigger users_100_copy_is_premium
  before insert or update of is_premium, premium_until on public.users
  for each row
  execute function private.copy_is_premium();

-- 900: after is_premium has been derived (100), so that a write that it undoes does not move updated_at.
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

-- Sessions: what a user's token may do, besides whose it is.
--
-- A token that Auth issues to an OAuth client has the role `authenticated` and the user's id,
-- as the user's own session has. Only its claim `client_id` tells them apart, and OAuth scopes
-- do not restrict the database. So a client acts as a visitor unless the operator trusts it,
-- and even a trusted one is kept from keys, credits and the export.
--
-- A user who has a verified second factor opens a session without it by the password alone
-- (`aal1`). Such a session does not reach the keys, the export and the account's deletion.

-- Written by the operator, as `postgres`.
create table private.trusted_oauth_clients (
  client_id text primary key,
  name text not null,
  created_at timestamptz not null default now(),
  constraint trusted_oauth_clients_client_id_not_blank check (client_id ~ '\S'),
  constraint trusted_oauth_clients_name_length check (char_length(name) <= 200 and name ~ '\S')
);

comment on table private.trusted_oauth_clients is
  'OAuth clients whose tokens act as the user who approved them. Every other client acts as a visitor.';
comment on column private.trusted_oauth_clients.client_id is 'The client''s id as Auth issued it, which its tokens carry.';
comment on column private.trusted_oauth_clients.name is 'What the operator calls it.';

-- The policies ask this once a statement, in a sub-select. The table is read only for a token
-- that carries the claim, so that an ordinary request pays for reading its claims alone.
create function private.session_is_trusted()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_client_id text := nullif(auth.jwt() ->> 'client_id', '');
begin
  if v_client_id is null then
    return true;
  end if;

  return exists (
    select
    from private.trusted_oauth_clients as t
    where t.client_id = v_client_id
  );
end;
$$;

comment on function private.session_is_trusted() is
  'Whether the current session may act as its user: their own session, or one of a trusted OAuth client.';

create function private.has_second_factor(user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select
    from auth.mfa_factors as f
    where f.user_id = has_second_factor.user_id
      and f.status = 'verified'
  );
end;
$$;

comment on function private.has_second_factor(uuid) is
  'Whether this user has a verified second factor.';

create function public.has_second_factor(user_id uuid)
returns boolean
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.has_second_factor(user_id);
end;

comment on function public.has_second_factor(uuid) is
  'Internal, for edge functions: whether this user has a verified second factor. They know from the token whether the session was opened with it.';

-- What guards the keys, the export and the account's deletion.
create function private.session_is_strong()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return nullif(auth.jwt() ->> 'client_id', '') is null
    and (auth.jwt() ->> 'aal' = 'aal2' or not private.has_second_factor(auth.uid()));
end;
$$;

comment on function private.session_is_strong() is
  'Whether the current session is the user''s own and was opened with their second factor, where they have one.';

-- The user whose private rows the caller may see: what visitors may read in part, a table by
-- its policy or a function, uses this instead of auth.uid(), which is also the user's id in an
-- untrusted client's session. A restrictive policy beside it would have every such read look
-- for the public row twice.
create function private.reader_id()
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims jsonb := auth.jwt();
begin
  if coalesce(v_claims ->> 'client_id', '') = '' or private.session_is_trusted() then
    return auth.uid();
  end if;
  return null;
end;
$$;

comment on function private.reader_id() is
  'The signed-in user''s id; null for a visitor and for an OAuth client that is not trusted.';

-- The user in whose name a function acts. `of_own_session` refuses every OAuth client,
-- `with_second_factor` a session that was opened without the user's second factor.
create function private.caller_id(of_own_session boolean default false, with_second_factor boolean default false)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform private.raise_error('not_authenticated', 'Sign in first.');
  elsif nullif(auth.jwt() ->> 'client_id', '') is not null
    and (caller_id.of_own_session or not private.session_is_trusted())
  then
    perform private.raise_error(
      'client_not_trusted', 'This session belongs to an OAuth client that may not do this: sign in to the app itself.'
    );
  elsif caller_id.with_second_factor and not private.session_is_strong() then
    perform private.raise_error(
      'mfa_required', 'Confirm your second factor first: this session was opened without it.'
    );
  end if;
  return v_user_id;
end;
$$;

comment on function private.caller_id(boolean, boolean) is
  'The signed-in user''s id; raises not_authenticated, client_not_trusted or mfa_required.';

revoke all on private.trusted_oauth_clients from public, anon, authenticated, service_role;
revoke all on function
  private.session_is_trusted,
  private.has_second_factor,
  public.has_second_factor,
  private.session_is_strong,
  private.reader_id,
  private.caller_id
  from public, anon, authenticated, service_role;
-- Policies run as their caller.
grant execute on function private.session_is_trusted, private.session_is_strong, private.reader_id to authenticated;
grant execute on function private.has_second_factor, public.has_second_factor to service_role;

-- Made from supabase/schemas/foundation/ by `npm run db:diff -- --first`: change it there.

-- Each migration is committed by itself, so the first one checks what the project must have: without Vault nothing at
-- all is applied, instead of half of it.
do $$
begin
  if to_regprocedure('vault.create_secret(text, text, text, uuid)') is null then
    raise exception 'Pinebase keeps its secrets in Vault: enable the extension supabase_vault in the project, then push again.';
  end if;
end;
$$;

-- `public` is what the Data API exposes: tables under row-level security and thin functions that run as their
-- caller. `private` holds the implementations behind them; the API roles have no usage on it, so no request can name
-- anything in it.
create schema private;

comment on schema private is
  'Implementations, trigger functions and helpers. Not exposed; the API roles have no usage on it.';

-- Hosted projects have both already; a bare Postgres 17 gets them here.
create schema if not exists extensions;

create extension if not exists pgcrypto with schema extensions;

revoke all on schema private from public, anon, authenticated, service_role;

-- The registry of errors, and the only list of their identifiers. Clients compare the identifier, so it is never
-- renamed. The status is the HTTP status of the Data API's answer.
create table private.error_codes (
  identifier text primary key,
  status smallint not null,
  meaning text not null,
  constraint error_codes_identifier_form check (identifier ~ '^[a-z][a-z_]{2,62}$'),
  constraint error_codes_status_is_an_http_error check (status between 400 and 599)
);

comment on table private.error_codes is
  'Registry of error identifiers. raise_error() refuses any other; ErrorCode in the package lists the same.';

revoke all on private.error_codes from public, anon, authenticated, service_role;

-- Returns the id of the signed-in user. `of_own_session` refuses every OAuth client, `with_second_factor` a session
-- that was opened without the user's second factor. Raises not_authenticated, client_not_trusted or mfa_required.
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

revoke all on function private.caller_id from public, anon, authenticated, service_role;

-- Raises the faults that json_fault() finds in a document from a client. If the document is meant for a column,
-- `constraint_name` is the check of that column's size, and an oversized document is refused as that check would
-- refuse it.
create function private.check_json(document jsonb, max_bytes integer, argument text, constraint_name text default null)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_fault text := private.json_fault(check_json.document, check_json.max_bytes);
begin
  if v_fault = 'number' then
    perform private.raise_error(
      'invalid_argument',
      format('Give only numbers that fit double precision in %s.', check_json.argument),
      jsonb_build_object('argument', check_json.argument, 'type', 'number')
    );
  elsif v_fault = 'size' and check_json.constraint_name is null then
    perform private.raise_error(
      'invalid_argument',
      format('Shorten %s to %s bytes.', check_json.argument, check_json.max_bytes),
      jsonb_build_object('argument', check_json.argument, 'maximum', check_json.max_bytes)
    );
  elsif v_fault = 'size' then
    raise exception using
      errcode = 'check_violation',
      message = format('Shorten %s to %s bytes.', check_json.argument, check_json.max_bytes),
      schema = 'public',
      constraint = check_json.constraint_name;
  end if;
end;
$$;

revoke all on function private.check_json from public, anon, authenticated, service_role;

-- A registered error as a value, {ok: false, error: {code, status, message, facts}}, for functions whose writes must
-- be kept although they fail: an attempt that is counted, a read that is audited. Raising would undo those writes.
create function private.error_result(identifier text, message text, facts jsonb default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status smallint;
begin
  select e.status
  into v_status
  from private.error_codes as e
  where e.identifier = error_result.identifier;

  if v_status is null then
    raise exception 'error identifier % is not in private.error_codes', error_result.identifier;
  end if;

  return jsonb_build_object(
    'ok', false,
    'error', jsonb_build_object(
      'code', error_result.identifier,
      'status', v_status,
      'message', error_result.message,
      'facts', error_result.facts
    )
  );
end;
$$;

revoke all on function private.error_result from public, anon, authenticated, service_role;

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
  'Internal, for edge functions: whether this user has a verified second factor. Whether the session was opened with it is in its token.';

revoke all on function private.has_second_factor, public.has_second_factor
  from public, anon, authenticated, service_role;
grant execute on function private.has_second_factor, public.has_second_factor to service_role;

-- Returns what is wrong with a JSON document from a client: 'number' for one outside double precision, 'size' for
-- more than max_bytes as text, null for nothing. jsonb stores 1e131071 in nine bytes and prints it as 128 KiB, so 64
-- KB of such numbers become gigabytes of text, and no timeout ends the printing of one value. Nothing may print a
-- document, or measure its text, before this function has checked it.
--
-- It compares the numbers without printing them. A number may not be too large for double precision, nor too small
-- to be anything but zero, nor a zero written with more than 400 digits (the longest double takes 341). What is left
-- prints as a few times its size in memory. And no document takes more than four times the memory of its text, so
-- one that takes more than four times the limit is refused without reading its numbers.
create function private.json_fault(document jsonb, max_bytes integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if pg_catalog.pg_column_size(json_fault.document) > 4 * json_fault.max_bytes + 64 then
    return 'size';
  elsif pg_catalog.jsonb_path_exists(
    json_fault.document,
    'strict $.** ? (
      @ > 1.7976931348623158e308
      || (@ < 2.5e-324 && (@ < -1.7976931348623158e308 || (@ > -2.5e-324 && @ != 0)))
    )'
  ) or exists (
    select
    -- A set-returning function in the select list gives one row at a time; in `from` it would first store all of
    -- them.
    from (
      select pg_catalog.jsonb_path_query(json_fault.document, 'strict $.** ? (@ == 0)')::numeric as zero
      offset 0
    ) as z
    where pg_catalog.scale(z.zero) > 400
  ) then
    return 'number';
  elsif octet_length(json_fault.document::text) > json_fault.max_bytes then
    return 'size';
  end if;
  return null;
end;
$$;

revoke all on function private.json_fault from public, anon, authenticated, service_role;

-- Raises a registered error. SQLSTATE PTnnn makes the Data API answer with HTTP status nnn. `details` carries the
-- identifier and `hint` the facts as JSON, because these two reach a client unchanged.
create function private.raise_error(identifier text, message text, facts jsonb default null)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status smallint;
begin
  select e.status
  into v_status
  from private.error_codes as e
  where e.identifier = raise_error.identifier;

  if v_status is null then
    raise exception 'error identifier % is not in private.error_codes', raise_error.identifier;
  elsif raise_error.facts is null then
    raise exception using
      errcode = 'PT' || v_status,
      message = raise_error.message,
      detail = raise_error.identifier;
  else
    raise exception using
      errcode = 'PT' || v_status,
      message = raise_error.message,
      detail = raise_error.identifier,
      hint = raise_error.facts::text;
  end if;
end;
$$;

revoke all on function private.raise_error from public, anon, authenticated, service_role;

-- Returns the user whose rows the caller may read and write; null for a visitor and for an OAuth client that is not
-- trusted. It replaces auth.uid(), which is the user's id in an untrusted client's session too, in the policies of
-- tables that visitors may read in part, and in functions. A restrictive policy for all commands, as the other tables
-- have, would be no replacement there: it would hide the public rows.
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

revoke all on function private.reader_id from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.reader_id to authenticated;

-- The values that a check constraint of the form `column in ('a', 'b')` allows, in its order; null for another form.
create function private.allowed_values(constraint_name text)
returns text[]
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select array_agg(v.literal[1])
    from pg_catalog.pg_constraint as c
    cross join lateral pg_get_constraintdef(c.oid) as d (definition)
    cross join lateral regexp_matches(d.definition, '''([^'']*)''::text', 'g') as v (literal)
    where c.conname = allowed_values.constraint_name
      and c.contype = 'c'
      and d.definition like '%= ANY (ARRAY[%'
  );
end;
$$;

-- Raises invalid_argument for a value that breaks a check constraint. The constraint is the rule, and its comment is
-- what the caller reads: the name of the argument, a colon, and a sentence in which %s stands for the constraint's limit
-- or allowed values. Does nothing for a constraint without such a comment: the caller then raises Postgres's own error
-- again.
create function private.refuse_argument(constraint_name text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_values text[] := private.allowed_values(refuse_argument.constraint_name);
  v_argument text;
  v_message text;
  v_maximum integer;
  v_type text;
begin
  select
    m.parts[1],
    m.parts[2],
    (regexp_match(d.definition, '<= (\d+)'))[1]::integer,
    (regexp_match(d.definition, 'jsonb_typeof\(\w+\) = ''(\w+)'''))[1]
  into v_argument, v_message, v_maximum, v_type
  from pg_catalog.pg_constraint as c
  cross join lateral pg_get_constraintdef(c.oid) as d (definition)
  cross join lateral regexp_match(obj_description(c.oid, 'pg_constraint'), '^(\w+): (.+)$') as m (parts)
  where c.conname = refuse_argument.constraint_name
    and c.contype = 'c';

  if v_argument is not null then
    perform private.raise_error(
      'invalid_argument',
      format(v_message, coalesce(array_to_string(v_values, ', '), v_maximum::text)),
      jsonb_strip_nulls(
        jsonb_build_object('argument', v_argument, 'enum', v_values, 'maximum', v_maximum, 'type', v_type)
      )
    );
  end if;
end;
$$;

-- Refuses a value that a check constraint does not allow, for an argument that is not written to the table, such as
-- the filter of a search. The constraint lists allowed values or limits a length. Null is allowed.
create function private.check_argument(constraint_name text, value text)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if check_argument.value <> all (private.allowed_values(check_argument.constraint_name))
    or char_length(check_argument.value) > (
      select (regexp_match(pg_get_constraintdef(c.oid), 'char_length\(\w+\) <= (\d+)'))[1]::integer
      from pg_catalog.pg_constraint as c
      where c.conname = check_argument.constraint_name
        and c.contype = 'c'
    )
  then
    perform private.refuse_argument(check_argument.constraint_name);
  end if;
end;
$$;

revoke all on function private.allowed_values, private.refuse_argument, private.check_argument
  from public, anon, authenticated, service_role;

-- Makes a table append-only. Ledgers and audit trails can be trusted because nobody can edit them, not even the
-- table's owner. A row can be deleted only when its user is deleted already, as in the cascade from public.users, or
-- when it is in the archive.
create function private.refuse_unless_gone_or_archived()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    if not exists (select from public.users as u where u.id = old.user_id)
      or exists (
        select
        from private.archived_rows as a
        where a.user_id = old.user_id
          and a.source = tg_table_name
          and a.last_id >= old.id
      )
    then
      return old;
    end if;
  end if;

  raise exception using
    errcode = 'insufficient_privilege',
    message = format('%I is append-only: its rows cannot be changed, and are deleted only with their user or by the archive.', tg_table_name),
    schema = tg_table_schema,
    table = tg_table_name;
end;
$$;

revoke all on function private.refuse_unless_gone_or_archived from public, anon, authenticated, service_role;

-- Whether the session is the user's own and was opened with their second factor, if they have one. A user who has a
-- second factor can still open a session by the password alone (`aal1`); such a session must not reach the keys, the
-- export and the deletion of the account.
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

revoke all on function private.session_is_strong from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.session_is_strong to authenticated;

-- Whether the session may act as its user: their own session, or one of a trusted OAuth client. Policies call it
-- once per statement, in a sub-select. It reads the table only for a token with the claim `client_id`, so an
-- ordinary request pays for reading its claims alone.
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

revoke all on function private.session_is_trusted from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.session_is_trusted to authenticated;

-- Sets updated_at to the time of the transaction, so that no client can choose it. Each table's trigger has the
-- condition `old.* is distinct from new.*`, or a narrower one, so an update that changes nothing does not look like
-- a change.
create function private.set_updated_at()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

revoke all on function private.set_updated_at from public, anon, authenticated, service_role;

-- A token that Auth issues to an OAuth client has the role `authenticated` and the user's id, as the user's own
-- session has. Only its claim `client_id` distinguishes them, and OAuth scopes do not restrict the database. So a
-- client acts as a visitor unless the operator trusts it, and even a trusted one is kept from keys, credits and the
-- export.
--
-- The operator writes this table as `postgres`.
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

revoke all on private.trusted_oauth_clients from public, anon, authenticated, service_role;

insert into private.error_codes (identifier, status, meaning)
values
  ('not_authenticated', 401, 'No user is signed in.'),
  ('insufficient_credits', 402, 'The balance is smaller than the amount.'),
  ('email_required', 403, 'Signed in, but without an account row: the user has no email yet.'),
  ('premium_required', 403, 'The action needs a premium plan.'),
  ('plan_limit_reached', 403, 'The plan allows no more of these.'),
  ('client_not_trusted', 403, 'The session belongs to an OAuth client that may not do this.'),
  ('mfa_required', 403, 'The account has a second factor, and this session was opened without it.'),
  ('strategy_not_found', 404, 'No such strategy, or not one the caller may see.'),
  ('strategy_version_not_found', 404, 'The strategy has no such version, or no longer.'),
  ('indicator_not_found', 404, 'No such indicator, or not one the owner may see.'),
  ('api_key_not_found', 404, 'No key is stored for this provider.'),
  ('coupon_not_found', 404, 'No active coupon has this code.'),
  ('user_not_found', 404, 'No account has this id or email.'),
  ('billing_account_not_found', 404, 'The user has no account at the payment provider.'),
  ('price_not_found', 404, 'No current price is set for this plan or pack.'),
  ('llm_provider_not_found', 404, 'No active provider of language models has this name.'),
  ('webhook_event_not_found', 404, 'No such event was recorded.'),
  ('coupon_already_redeemed', 409, 'This user has redeemed this coupon before.'),
  ('coupon_exhausted', 409, 'All uses of this coupon are taken.'),
  ('version_conflict', 409, 'The strategy has changed since the version that the caller expected.'),
  ('active_subscription', 409, 'A subscription is active.'),
  ('idempotency_key_reused', 409, 'The idempotency key was used for something else.'),
  ('secret_in_use', 409, 'Stored keys still need this secret.'),
  ('coupon_expired', 410, 'The coupon''s expiration date has passed.'),
  ('invalid_argument', 422, 'An argument is missing or out of bounds.'),
  ('invalid_parameters', 422, 'Parameters do not fit the indicator''s schema.'),
  ('api_key_rejected', 422, 'The provider refuses this key.'),
  ('confirmation_mismatch', 422, 'The confirmation is not the account''s email.'),
  ('rate_limited', 429, 'Too many attempts in the window.'),
  ('secret_not_configured', 500, 'No usable secret is in Vault.'),
  ('decryption_failed', 500, 'The ciphertext does not open with the secret.');

-- Made from supabase/schemas/api_keys/ by `npm run db:diff -- --first`: change it there.

-- The Data API passes what a user sends as bind parameters, and Postgres writes those to its log at log_statement =
-- all and beside slow statements. Without the first setting, a key that is being stored would stand in the log in
-- the clear. Open sessions keep the old setting until PostgREST replaces them, half an hour later at most. The
-- second setting does the same for statements that fail; zero is its default.
--
-- Hosted images from before November 2025 do not let postgres change log_parameter_max_length: there the push
-- succeeds with a warning.
alter role authenticator set log_parameter_max_length_on_error = 0;

do $$
begin
  alter role authenticator set log_parameter_max_length = 0;
exception
  when insufficient_privilege then
    raise warning 'This image of Supabase does not let postgres set log_parameter_max_length: upgrade the project, or its log may hold keys that are being stored.';
end;
$$;

-- API keys: the users' own language-model keys, encrypted, one per provider. Their owner can read that a key exists
-- and its last four characters, never the ciphertext: what cannot be read cannot be copied and attacked elsewhere.
create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  key_encrypted text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_used timestamptz,
  key_hint text not null,
  secret_version integer not null,
  verified_at timestamptz,
  rejected_at timestamptz,
  constraint api_keys_one_per_provider unique (user_id, provider),
  constraint api_keys_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  -- A key of 512 characters takes some 770 in the envelope; the rest is room for another format.
  constraint api_keys_key_encrypted_length check (char_length(key_encrypted) between 1 and 4096),
  constraint api_keys_key_hint_length check (char_length(key_hint) between 1 and 4),
  constraint api_keys_secret_version_positive check (secret_version > 0)
);

comment on table public.api_keys is
  'Encrypted language-model keys, one row per user and provider. Written and read by functions only.';
comment on column public.api_keys.provider is 'Lower-case name of the language-model provider, such as openai.';
comment on column public.api_keys.key_encrypted is 'The ciphertext, bound to user, provider and secret version. No client may select it.';
comment on column public.api_keys.key_hint is 'The last four characters, by which its owner recognises the key.';
comment on column public.api_keys.secret_version is 'Version of the Vault secret that decrypts the row.';
comment on column public.api_keys.last_used is 'When the key was last read from its row.';
comment on column public.api_keys.verified_at is 'When the provider last confirmed that it accepts the key; null where the provider was never asked or did not answer.';
comment on column public.api_keys.rejected_at is 'When the provider began to refuse the key (401 or 403); null while it accepts it.';

create index api_keys_secret_version_idx on public.api_keys (secret_version, id);

alter table public.api_keys enable row level security;

create policy "users read their own api keys"
  on public.api_keys
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "users delete their own api keys"
  on public.api_keys
  for delete
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.api_keys
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create policy "keys are deleted by a session with the second factor alone"
  on public.api_keys
  as restrictive
  for delete
  to authenticated
  using ((select private.session_is_strong()));

-- Reading a key changes last_used only, so updated_at stays.
create trigger api_keys_set_updated_at
  before update of user_id, provider, key_encrypted, key_hint, secret_version on public.api_keys
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- The same guarantee as hold_current_api_key_secret() gives, for rows that are written without the functions: the
-- secret of a row exists, and is not dropped before the row is committed.
create function private.require_api_key_secret()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('api_key_secret'), new.secret_version);

  if not exists (
    select
    from vault.secrets as s
    where s.name = private.api_key_secret_name(new.secret_version)
  ) then
    perform private.raise_error(
      'secret_not_configured',
      'Vault has no secret of this version. Store the key by store_api_key.',
      jsonb_build_object('version', new.secret_version)
    );
  end if;
  return new;
end;
$$;

create trigger api_keys_require_secret
  before insert or update of secret_version on public.api_keys
  for each row
  execute function private.require_api_key_secret();

-- Writes every deletion of a key to the audit trail, except the cascade from a deleted user, whose trail is deleted
-- too.
create function private.record_deleted_api_key()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.api_key_events (user_id, provider, action)
  select old.user_id, old.provider, 'deleted'
  from public.users as u
  where u.id = old.user_id;
  return null;
end;
$$;

create trigger api_keys_record_deletion
  after delete on public.api_keys
  for each row
  execute function private.record_deleted_api_key();

revoke all on public.api_keys from public, anon, authenticated, service_role;
grant select (
    id, user_id, provider, created_at, updated_at, last_used, key_hint, secret_version, verified_at, rejected_at
  ), delete
  on public.api_keys
  to authenticated;
grant select, insert, update, delete on public.api_keys to service_role;
revoke all on function private.require_api_key_secret, private.record_deleted_api_key
  from public, anon, authenticated, service_role;

-- Providers of language models: where llm-proxy may send a request, and how it presents the key there. Nothing
-- outside this table can be reached, so only the operator writes it: no API role has a privilege on it.
create table private.llm_providers (
  provider text primary key,
  name text not null,
  base_url text not null,
  auth_header text not null default 'authorization',
  auth_scheme text default 'Bearer',
  extra_headers jsonb not null default '{}',
  path_prefixes text[] not null default '{/v1/}',
  check_path text,
  credits_per_call integer not null default 1,
  is_active boolean not null default true,
  constraint llm_providers_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  constraint llm_providers_name_length check (char_length(name) between 1 and 200),
  -- No user, query or fragment. Allowed hosts and addresses are checked at each call, because the address that a
  -- name resolves to can change.
  constraint llm_providers_base_url_form check (base_url ~ '^https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$'),
  constraint llm_providers_auth_header_form check (auth_header ~ '^[A-Za-z0-9-]{1,100}$'),
  constraint llm_providers_auth_scheme_form check (auth_scheme ~ '^[A-Za-z0-9-]{0,100}$'),
  constraint llm_providers_extra_headers_are_an_object check (jsonb_typeof(extra_headers) = 'object'),
  constraint llm_providers_path_prefixes_not_empty check (cardinality(path_prefixes) > 0 and array_position(path_prefixes, null) is null),
  constraint llm_providers_credits_per_call_not_negative check (credits_per_call >= 0)
);

comment on table private.llm_providers is
  'Providers that llm-proxy can reach. An operator adds one by an insert and switches one off by is_active = false.';
comment on column private.llm_providers.base_url is
  'https://host, with a path where the API has one. http only on loopback, and only where LLM_ALLOW_LOOPBACK is set.';
comment on column private.llm_providers.auth_header is 'Header that carries the key.';
comment on column private.llm_providers.auth_scheme is 'Word before the key, such as Bearer; null where the key is sent without one.';
comment on column private.llm_providers.extra_headers is
  'Headers for every request, as an object of texts. A header of the same name in the request takes precedence.';
comment on column private.llm_providers.path_prefixes is
  'Paths below base_url that can be reached, each with everything below it: /v1/models allows itself and /v1/models/x.';
comment on column private.llm_providers.check_path is
  'Path of a cheap GET request that succeeds only with a valid key. Null where the API has none; keys are then stored unverified.';
comment on column private.llm_providers.credits_per_call is
  'Price of a call with the operator''s key, LLM_KEY_<PROVIDER> in the functions'' environment.';

revoke all on private.llm_providers from public, anon, authenticated, service_role;

-- The audit trail: who stored, read or deleted which key, and in which request. It outlives the key and is deleted
-- with the user.
create table public.api_key_events (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  action text not null,
  request_id text,
  created_at timestamptz not null default now(),
  constraint api_key_events_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  constraint api_key_events_action_known check (
    action in ('stored', 'decrypted', 'deleted', 'reencrypted', 'operator_key_used')
  ),
  constraint api_key_events_request_id_length check (char_length(request_id) <= 200)
);

create index api_key_events_user_id_idx on public.api_key_events (user_id, id);

comment on table public.api_key_events is
  'Audit trail of api_keys, append-only for every role: rows are deleted only with their user, or move to private.archived_key_events after a year.';
comment on column public.api_key_events.action is
  'decrypted: the key was handed to decrypt-api-key or used by llm-proxy; operator_key_used: llm-proxy made a call with the operator''s key.';
comment on column public.api_key_events.request_id is 'The x-request-id of the request that caused the event.';

alter table public.api_key_events enable row level security;

create policy "users read the audit trail of their own keys"
  on public.api_key_events
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.api_key_events
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create trigger api_key_events_are_append_only
  before update or delete on public.api_key_events
  for each row
  execute function private.refuse_unless_gone_or_archived();

create trigger api_key_events_are_not_truncated
  before truncate on public.api_key_events
  for each statement
  execute function private.refuse_unless_gone_or_archived();

revoke all on public.api_key_events from public, anon, authenticated, service_role;
revoke all on sequence public.api_key_events_id_seq from public, anon, authenticated, service_role;
grant select on public.api_key_events to authenticated, service_role;

-- The secrets that encrypt the stored API keys. They live in Vault, are generated in the database, and never pass
-- through a client, a migration or a file. So a copy of the tables alone decrypts nothing.
--
-- Returns the name of a version's secret in Vault.
create function private.api_key_secret_name(version integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return 'api_key_secret_v' || api_key_secret_name.version;
end;
$$;

-- The check value of a secret, by which a changed secret is recognised: half of a derived key, of no use for
-- decrypting.
create function private.api_key_secret_check(secret text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return encode(substr(private.derive_key(api_key_secret_check.secret, 'pinebase api key v2 check'), 1, 16), 'hex');
end;
$$;

-- Returns a secret from Vault; null where it is missing or is not the one that was generated.
create function private.api_key_secret(version integer)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_secret text;
  v_description text;
begin
  select s.decrypted_secret, s.description
  into v_secret, v_description
  from vault.decrypted_secrets as s
  where s.name = private.api_key_secret_name(api_key_secret.version);

  if right(v_description, 32) = private.api_key_secret_check(v_secret) then
    return v_secret;
  end if;
  return null;
exception
  -- Vault raises an error for a secret that another project's root key has encrypted.
  when others then
    raise warning 'secret % of the API keys cannot be read from Vault (%)', api_key_secret.version, sqlstate;
    return null;
end;
$$;

-- The version that encrypts: the highest one, usable or not; null where there is none.
create function private.current_api_key_secret_version()
returns integer
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select max(substring(s.name, '^api_key_secret_v([1-9][0-9]{0,8})$')::integer)
    from vault.secrets as s
  );
end;
$$;

-- Returns the version that encrypts, and prevents its secret from being dropped until the transaction ends; null
-- where there is none. A transaction that writes a row under a secret must hold it, as a foreign key holds the row
-- that it refers to, because drop_api_key_secret() cannot count rows that are not committed. The version is read
-- again once it is held: it may have been dropped just before.
create function private.hold_current_api_key_secret()
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_version integer;
begin
  loop
    v_version := private.current_api_key_secret_version();
    exit when v_version is null;
    perform pg_advisory_xact_lock_shared(hashtext('api_key_secret'), v_version);
    exit when v_version = private.current_api_key_secret_version();
  end loop;
  return v_version;
end;
$$;

revoke all on function
  private.api_key_secret_name,
  private.api_key_secret_check,
  private.api_key_secret,
  private.current_api_key_secret_version,
  private.hold_current_api_key_secret
  from public, anon, authenticated, service_role;

-- Moves audit events of one user that are older than `before` into the archive, the oldest first, max_rows at most,
-- and returns how many.
create function private.archive_key_events(user_id uuid, before timestamptz, max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_last_id bigint;
  v_rows integer;
begin
  select max(o.id)
  into v_last_id
  from (
    select t.id, t.created_at
    from public.api_key_events as t
    where t.user_id = archive_key_events.user_id
    order by t.id
    limit archive_key_events.max_rows
  ) as o
  where o.created_at < archive_key_events.before;

  insert into private.archived_rows as a (user_id, source, last_id)
  select archive_key_events.user_id, 'api_key_events', v_last_id
  where v_last_id is not null
  on conflict on constraint archived_rows_pkey do update
    set last_id = greatest(a.last_id, excluded.last_id);

  insert into private.archived_key_events as a (user_id, provider, action, events, first_at, last_at)
  select t.user_id, t.provider, t.action, count(*), min(t.created_at), max(t.created_at)
  from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id
  group by t.user_id, t.provider, t.action
  on conflict on constraint archived_key_events_pkey do update
    set events = a.events + excluded.events,
        first_at = least(a.first_at, excluded.first_at),
        last_at = greatest(a.last_at, excluded.last_at);

  delete from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id;
  get diagnostics v_rows = row_count;

  return v_rows;
end;
$$;

revoke all on function private.archive_key_events from public, anon, authenticated, service_role;

-- The archive of the audit trail: counts and times of events that are older than a year.
create table private.archived_key_events (
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  action text not null,
  events bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint archived_key_events_pkey primary key (user_id, provider, action)
);

comment on table private.archived_key_events is
  'Number of a user''s archived events of each provider and action, with the times of the first and the last.';

revoke all on private.archived_key_events from public, anon, authenticated, service_role;

-- store-api-key calls this, asks the provider whether it accepts the key, and then calls store_checked_api_key(). No
-- transaction is open while the provider is asked. The attempt is counted, and an error is returned and not raised:
-- raising would undo the count, and somebody could test stolen keys by the thousand.
create function private.begin_api_key_check(user_id uuid, provider text, has_second_factor boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb;
  v_provider jsonb;
begin
  if not begin_api_key_check.has_second_factor and private.has_second_factor(begin_api_key_check.user_id) then
    return private.second_factor_required();
  end if;

  v_refusal := private.refuse_api_key_write(begin_api_key_check.user_id);
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_provider := private.llm_provider(begin_api_key_check.provider);
  if v_provider is null then
    return private.unknown_llm_provider();
  end if;
  return jsonb_build_object('ok', true, 'provider', v_provider);
end;
$$;

create function public.begin_api_key_check(user_id uuid, provider text, has_second_factor boolean)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_api_key_check(user_id, provider, has_second_factor);
end;

comment on function public.begin_api_key_check(uuid, text, boolean) is
  'Internal, for store-api-key: counts a key that is about to be checked with its provider, 30 in 10 minutes a user. {ok: true, provider} or {ok: false, error}';

revoke all on function private.begin_api_key_check, public.begin_api_key_check
  from public, anon, authenticated, service_role;
grant execute on function private.begin_api_key_check, public.begin_api_key_check to service_role;

-- Returns a provider's name as it is stored: without the case and the white space that people type by accident.
create function private.clean_provider(provider text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return lower(btrim(clean_provider.provider, E' \t\r\n'));
end;
$$;

revoke all on function private.clean_provider from public, anon, authenticated, service_role;

-- Generates the next secret in Vault and returns its version. Secrets are created one at a time. The version of a
-- dropped secret is never used again, because a row may still name it.
create function private.create_api_key_secret()
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- As text, because that is what Vault holds.
  v_secret text := encode(extensions.gen_random_bytes(32), 'hex');
  v_version integer;
begin
  perform pg_advisory_xact_lock(hashtext('api_key_secrets'), 0);

  select 1 + greatest(private.current_api_key_secret_version(), max(k.secret_version), 0)
  into v_version
  from public.api_keys as k;

  perform vault.create_secret(
    v_secret,
    private.api_key_secret_name(v_version),
    'Encrypts stored API keys. Generated by the database: do not change. Check value: ' || private.api_key_secret_check(v_secret)
  );
  return v_version;
end;
$$;

revoke all on function private.create_api_key_secret from public, anon, authenticated, service_role;

create function private.decrypt_api_key(encrypted_key text, secret text)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_plaintext text;
begin
  if decrypt_api_key.encrypted_key is null or decrypt_api_key.secret is null then
    perform private.raise_error(
      'invalid_argument',
      'Give the encrypted key and its secret.',
      jsonb_build_object('argument', case when decrypt_api_key.secret is null then 'secret' else 'encrypted_key' end)
    );
  end if;
  v_plaintext := private.open_sealed(decrypt_api_key.encrypted_key, decrypt_api_key.secret, '');
  if v_plaintext is null then
    perform private.raise_error('decryption_failed', 'The ciphertext cannot be decrypted with this secret. Check both.');
  end if;
  return v_plaintext;
end;
$$;

create function public.decrypt_api_key(encrypted_key text, secret text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.decrypt_api_key(encrypted_key, secret);
end;

comment on function public.decrypt_api_key(text, text) is
  'Decrypts what encrypt_api_key returned. Does not decrypt stored keys.';

revoke all on function private.decrypt_api_key, public.decrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.decrypt_api_key, public.decrypt_api_key to service_role;

create function private.delete_api_key(provider text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account(of_own_session => true, with_second_factor => true);
begin
  if delete_api_key.provider is null then
    perform private.raise_error('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;

  delete from public.api_keys as k
  where k.user_id = v_user_id
    and k.provider = private.clean_provider(delete_api_key.provider);

  return jsonb_build_object('deleted', found);
end;
$$;

create function public.delete_api_key(provider text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.delete_api_key(provider);
end;

comment on function public.delete_api_key(text) is
  'Deletes the caller''s key of a provider. {deleted}: false where there was none.';

revoke all on function private.delete_api_key, public.delete_api_key from public, anon, authenticated, service_role;
grant execute on function private.delete_api_key, public.delete_api_key to authenticated;

-- Refuses while a row uses the secret. Committed rows are counted; the transaction of an uncommitted row holds the
-- lock. It does not wait for that transaction, because it would be refused afterwards.
create function private.drop_api_key_secret(version integer)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_in_use jsonb := jsonb_build_object('version', drop_api_key_secret.version);
  v_dropped integer;
begin
  if drop_api_key_secret.version is null or drop_api_key_secret.version < 1 then
    perform private.raise_error(
      'invalid_argument', 'Give the version to drop.', '{"argument": "version", "minimum": 1}'
    );
  end if;

  perform pg_advisory_xact_lock(hashtext('api_key_secrets'), 0);

  if drop_api_key_secret.version = private.current_api_key_secret_version() then
    perform private.raise_error('secret_in_use', 'New keys are stored under this secret. Rotate first.', v_in_use);
  end if;
  if not pg_try_advisory_xact_lock(hashtext('api_key_secret'), drop_api_key_secret.version) then
    perform private.raise_error(
      'secret_in_use', 'A key is being stored under this secret. Re-encrypt, then try again.', v_in_use
    );
  end if;
  if exists (select from public.api_keys as k where k.secret_version = drop_api_key_secret.version) then
    perform private.raise_error('secret_in_use', 'Stored keys still need this secret. Re-encrypt them first.', v_in_use);
  end if;

  delete from vault.secrets as s
  where s.name = private.api_key_secret_name(drop_api_key_secret.version);

  get diagnostics v_dropped = row_count;
  return jsonb_build_object('dropped', v_dropped > 0);
end;
$$;

create function public.drop_api_key_secret(version integer)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.drop_api_key_secret(version);
end;

comment on function public.drop_api_key_secret(integer) is
  'Deletes an old secret that no stored key needs any more. {dropped}: false where there was none.';

revoke all on function private.drop_api_key_secret, public.drop_api_key_secret
  from public, anon, authenticated, service_role;
grant execute on function private.drop_api_key_secret, public.drop_api_key_secret to service_role;

create function private.encrypt_api_key(key_text text, secret text)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if encrypt_api_key.key_text is null then
    perform private.raise_error('invalid_argument', 'Give the key to encrypt.', '{"argument": "key_text"}');
  end if;
  -- Sixteen random bytes are 128 bits; a secret that is shorter can be guessed.
  if octet_length(encrypt_api_key.secret) is null or octet_length(encrypt_api_key.secret) < 16 then
    perform private.raise_error(
      'invalid_argument', 'Give a secret of 16 bytes or more.', '{"argument": "secret", "minimum": 16}'
    );
  end if;
  return private.seal(encrypt_api_key.key_text, encrypt_api_key.secret, '');
end;
$$;

create function public.encrypt_api_key(key_text text, secret text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.encrypt_api_key(key_text, secret);
end;

comment on function public.encrypt_api_key(text, text) is
  'Encrypts a text under a secret of 16 bytes or more: v2. and base64url of IV, ciphertext and tag.';

revoke all on function private.encrypt_api_key, public.encrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.encrypt_api_key, public.encrypt_api_key to service_role;

-- HKDF-SHA-256 with a salt of zeros: a 32-byte key for one purpose, so that one secret never serves two algorithms.
--
-- This and what follows is plpgsql, because a SQL function with a search_path is planned anew at every call: the
-- functions that reading a key needs would take longer than everything else it does.
create function private.derive_key(secret text, purpose text)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return extensions.hmac(
    convert_to(derive_key.purpose, 'UTF8') || '\x01'::bytea,
    extensions.hmac(
      convert_to(derive_key.secret, 'UTF8'),
      '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea,
      'sha256'
    ),
    'sha256'
  );
end;
$$;

-- The tag over version, context, IV and ciphertext. The length before the context separates the context from the IV.
create function private.envelope_tag(sealed bytea, secret text, context text)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return extensions.hmac(
    convert_to('v2.', 'UTF8')
      || int4send(octet_length(envelope_tag.context))
      || convert_to(envelope_tag.context, 'UTF8')
      || envelope_tag.sealed,
    private.derive_key(envelope_tag.secret, 'pinebase api key v2 authenticate'),
    'sha256'
  );
end;
$$;

-- Base64url without padding (RFC 4648, section 5).
create function private.base64url(bytes bytea)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
begin
  return rtrim(translate(encode(base64url.bytes, 'base64'), E'+/\n', '-_'), '=');
end;
$$;

-- Encrypts and authenticates a text. Two envelopes of one text differ.
create function private.seal(plaintext text, secret text, context text)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_iv bytea := extensions.gen_random_bytes(16);
  v_sealed bytea;
begin
  v_sealed := v_iv || extensions.encrypt_iv(
    convert_to(seal.plaintext, 'UTF8'),
    private.derive_key(seal.secret, 'pinebase api key v2 encrypt'),
    v_iv,
    'aes-cbc/pad:pkcs'
  );
  return 'v2.' || private.base64url(v_sealed || private.envelope_tag(v_sealed, seal.secret, seal.context));
end;
$$;

-- Decrypts an envelope. Returns null for any failure of the envelope, the secret or the context, so that a caller
-- cannot learn which check failed and no error quotes what it was given.
create function private.open_sealed(envelope text, secret text, context text)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_text text := substr(open_sealed.envelope, 4);
  v_bytes bytea;
  v_sealed bytea;
  v_blind bytea;
begin
  if left(open_sealed.envelope, 3) <> 'v2.' or octet_length(open_sealed.secret) < 16 then
    return null;
  end if;

  v_bytes := decode(
    rpad(translate(v_text, '-_', '+/'), (char_length(v_text) + 3) / 4 * 4, '='),
    'base64'
  );
  -- Unused bits of the last character, and white space, would allow two texts for one envelope, so both are refused.
  -- An envelope has at least an IV, one block and a tag.
  if private.base64url(v_bytes) <> v_text or octet_length(v_bytes) < 64 then
    return null;
  end if;
  v_sealed := substr(v_bytes, 1, octet_length(v_bytes) - 32);

  -- Comparing bytes takes longer the more of them agree, which could reveal the tag. Both sides are hashed under
  -- a random key first, so that bytes that agree reveal nothing.
  v_blind := extensions.gen_random_bytes(32);
  if extensions.hmac(substr(v_bytes, octet_length(v_bytes) - 31), v_blind, 'sha256')
    <> extensions.hmac(
      private.envelope_tag(v_sealed, open_sealed.secret, open_sealed.context), v_blind, 'sha256'
    )
  then
    return null;
  end if;

  return convert_from(
    extensions.decrypt_iv(
      substr(v_sealed, 17),
      private.derive_key(open_sealed.secret, 'pinebase api key v2 encrypt'),
      substr(v_sealed, 1, 16),
      'aes-cbc/pad:pkcs'
    ),
    'UTF8'
  );
exception
  when others then
    return null;
end;
$$;

revoke all on function private.derive_key, private.envelope_tag, private.base64url, private.seal, private.open_sealed
  from public, anon, authenticated, service_role;

-- Returns a stored key in the clear and writes its audit row, or returns the refusal as error_result() makes it.
-- stored_at distinguishes this key from one that is stored later. Only service functions call it: an edge function
-- knows its caller by the token and gives the key to nobody else.
--
-- The key's row is locked before its secret is looked up, so that the key cannot be re-encrypted and the secret
-- dropped in between. The account is locked before the key, which is the order in which deleting a user locks them.
create function private.use_api_key(
  user_id uuid,
  provider text,
  request_id text,
  out api_key text,
  out stored_at timestamptz,
  out is_rejected boolean,
  out refusal jsonb
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_key record;
  v_secret text;
begin
  with account as materialized (
    select u.id
    from public.users as u
    where u.id = use_api_key.user_id
    for key share
  )
  update public.api_keys as k
  set last_used = now()
  from account as a
  where k.user_id = a.id
    and k.provider = use_api_key.provider
  returning k.key_encrypted, k.secret_version, k.updated_at, k.rejected_at
  into v_key;

  if not found then
    use_api_key.refusal := case
      when private.hold_account(use_api_key.user_id)
        then private.error_result('api_key_not_found', 'No key is stored for this provider. Store one first.')
      when exists (select from auth.users as u where u.id = use_api_key.user_id)
        then private.error_result('email_required', 'Add an email address to the account first.')
      else private.error_result('user_not_found', 'Check the user''s id: no account has it.')
    end;
    return;
  end if;

  v_secret := private.api_key_secret(v_key.secret_version);
  if v_secret is null then
    use_api_key.refusal := private.error_result(
      'secret_not_configured', 'The key cannot be read now. Try again later.'
    );
    return;
  end if;
  use_api_key.api_key := private.open_api_key(
    v_key.key_encrypted, v_secret, use_api_key.user_id, use_api_key.provider, v_key.secret_version
  );
  if use_api_key.api_key is null then
    use_api_key.refusal := private.error_result(
      'decryption_failed', 'The stored key cannot be decrypted. Store it again.'
    );
    return;
  end if;
  use_api_key.stored_at := v_key.updated_at;
  use_api_key.is_rejected := v_key.rejected_at is not null;

  insert into public.api_key_events (user_id, provider, action, request_id)
  values (use_api_key.user_id, use_api_key.provider, 'decrypted', left(use_api_key.request_id, 200));
end;
$$;

-- Every call counts, including those that fail, so errors are returned and not raised: raising would undo the count.
-- Sixty calls a minute are plenty for an app that keeps a key for one request, and few for somebody with a stolen
-- session.
create function private.get_decrypted_api_key(user_id uuid, provider text, request_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := private.clean_provider(get_decrypted_api_key.provider);
  v_refusal jsonb;
  v_key record;
begin
  if get_decrypted_api_key.user_id is null then
    return private.error_result('invalid_argument', 'Give the user''s id.', '{"argument": "user_id"}');
  end if;

  v_refusal := private.refuse_attempt(
    'read_api_key', get_decrypted_api_key.user_id, 60, interval '1 minute', 'Wait %s s, then read the key again.'
  );
  if v_refusal is not null then
    return v_refusal;
  elsif v_provider is null then
    return private.error_result('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;

  v_key := private.use_api_key(get_decrypted_api_key.user_id, v_provider, get_decrypted_api_key.request_id);
  return coalesce(
    v_key.refusal,
    jsonb_build_object('ok', true, 'provider', v_provider, 'api_key', v_key.api_key)
  );
end;
$$;

create function public.get_decrypted_api_key(user_id uuid, provider text, request_id text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.get_decrypted_api_key(user_id, provider, request_id);
end;

comment on function public.get_decrypted_api_key(uuid, text, text) is
  'A user''s own key in the clear, 60 times a minute at most, each time audited. {ok: true, provider, api_key} or {ok: false, error}';

revoke all on function private.use_api_key, private.get_decrypted_api_key, public.get_decrypted_api_key
  from public, anon, authenticated, service_role;
grant execute on function private.get_decrypted_api_key, public.get_decrypted_api_key to service_role;

-- Whether the user has an account, which is created if the trigger at sign-up failed to. The account is locked
-- against deletion until the transaction ends, and before any of its keys, which is the order in which deleting a
-- user locks them.
create function private.hold_account(user_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform from public.users as u where u.id = hold_account.user_id for key share;
  if found then
    return true;
  end if;

  perform private.ensure_account(hold_account.user_id);
  perform from public.users as u where u.id = hold_account.user_id for key share;
  return found;
end;
$$;

revoke all on function private.hold_account from public, anon, authenticated, service_role;

create function private.list_llm_providers()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('provider', p.provider, 'name', p.name) order by p.name), '[]')
  from private.llm_providers as p
  where p.is_active
$$;

create function public.list_llm_providers()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.list_llm_providers();
end;

comment on function public.list_llm_providers() is
  'The active providers of language models, which llm-proxy and store-api-key accept: [{provider, name}], by name.';

revoke all on function private.list_llm_providers, public.list_llm_providers
  from public, anon, authenticated, service_role;
grant execute on function private.list_llm_providers, public.list_llm_providers to anon, authenticated, service_role;

-- Returns what a function needs to make a request to an active provider; null where none has this name.
create function private.llm_provider(provider text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'provider', p.provider,
      'name', p.name,
      'base_url', p.base_url,
      'auth_header', p.auth_header,
      'auth_scheme', p.auth_scheme,
      'extra_headers', p.extra_headers,
      'path_prefixes', p.path_prefixes,
      'check_path', p.check_path,
      'credits_per_call', p.credits_per_call
    )
    from private.llm_providers as p
    where p.provider = private.clean_provider(llm_provider.provider)
      and p.is_active
  );
end;
$$;

-- The error for a provider that does not exist or is not active.
create function private.unknown_llm_provider()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.error_result(
    'llm_provider_not_found', 'No provider has this name: choose one of list_llm_providers().', '{"argument": "provider"}'
  );
end;
$$;

revoke all on function private.llm_provider, private.unknown_llm_provider
  from public, anon, authenticated, service_role;

-- Marks the key that was used and no other one: a key that has been stored since has another stored_at.
create function private.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.api_keys as k
  set rejected_at = case when mark_api_key.accepted then null else now() end,
      verified_at = case when mark_api_key.accepted then now() else k.verified_at end
  where k.user_id = mark_api_key.user_id
    and k.provider = mark_api_key.provider
    and k.updated_at = mark_api_key.stored_at
    and (k.rejected_at is not null) = mark_api_key.accepted;

  return jsonb_build_object('marked', found);
end;
$$;

create function public.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.mark_api_key(user_id, provider, stored_at, accepted);
end;

comment on function public.mark_api_key(uuid, text, timestamptz, boolean) is
  'Internal, for llm-proxy: sets rejected_at of a key that its provider refuses, or clears it. {marked}: false where nothing changed.';

revoke all on function private.mark_api_key, public.mark_api_key from public, anon, authenticated, service_role;
grant execute on function private.mark_api_key, public.mark_api_key to service_role;

-- What a stored key is bound to: user id, provider and secret version, one per line. None of them can contain a line
-- end.
create function private.api_key_context(user_id uuid, provider text, version integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return api_key_context.user_id::text || E'\n' || api_key_context.provider || E'\n' || api_key_context.version::text;
end;
$$;

-- Decrypts a stored key; null where it does not belong to this very row.
create function private.open_api_key(key_encrypted text, secret text, user_id uuid, provider text, version integer)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.open_sealed(
    open_api_key.key_encrypted,
    open_api_key.secret,
    private.api_key_context(open_api_key.user_id, open_api_key.provider, open_api_key.version)
  );
end;
$$;

revoke all on function private.api_key_context, private.open_api_key from public, anon, authenticated, service_role;

-- Everything that a call of llm-proxy needs from the database, in one transaction: the count, the provider, and
-- either the user's key with its audit row or the charge for the operator's key with its audit row. The request id
-- is the idempotency key of the charge, by which refund_credits() gives it back.
create function private.open_llm_call(
  user_id uuid,
  provider text,
  request_id text,
  has_operator_key boolean,
  has_second_factor boolean
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb;
  v_provider jsonb;
  v_price integer;
  v_key record;
begin
  if not open_llm_call.has_second_factor and private.has_second_factor(open_llm_call.user_id) then
    return private.second_factor_required();
  end if;

  v_refusal := private.refuse_attempt(
    'llm_call', open_llm_call.user_id, 60, interval '1 minute', 'Wait %s s, then send the request again.'
  );
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_provider := private.llm_provider(open_llm_call.provider);
  if v_provider is null then
    return private.unknown_llm_provider();
  end if;

  v_key := private.use_api_key(open_llm_call.user_id, v_provider ->> 'provider', open_llm_call.request_id);
  if v_key.refusal is null then
    return jsonb_build_object(
      'ok', true,
      'provider', v_provider,
      'api_key', v_key.api_key,
      'stored_at', v_key.stored_at,
      'is_rejected', v_key.is_rejected,
      'charged', 0
    );
  elsif v_key.refusal -> 'error' ->> 'code' <> 'api_key_not_found' or not open_llm_call.has_operator_key then
    return v_key.refusal;
  end if;

  v_price := (v_provider ->> 'credits_per_call')::integer;
  if v_price > 0 then
    perform private.charge_credits(
      open_llm_call.user_id, v_price, format('Call of %s', v_provider ->> 'name'), open_llm_call.request_id
    );
  end if;
  insert into public.api_key_events (user_id, provider, action, request_id)
  values (open_llm_call.user_id, v_provider ->> 'provider', 'operator_key_used', open_llm_call.request_id);

  return jsonb_build_object('ok', true, 'provider', v_provider, 'api_key', null, 'charged', v_price);
end;
$$;

create function public.open_llm_call(
  user_id uuid,
  provider text,
  request_id text,
  has_operator_key boolean,
  has_second_factor boolean
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.open_llm_call(user_id, provider, request_id, has_operator_key, has_second_factor);
end;

comment on function public.open_llm_call(uuid, text, text, boolean, boolean) is
  'Internal, for llm-proxy: counts a call, 60 a minute a user, and returns the provider with the user''s key, or charges credits_per_call for the operator''s under request_id. {ok: true, provider, api_key, stored_at, is_rejected, charged} or {ok: false, error}';

revoke all on function private.open_llm_call, public.open_llm_call from public, anon, authenticated, service_role;
grant execute on function private.open_llm_call, public.open_llm_call to service_role;

-- Encrypts a batch of keys anew under the current secret. Rows that another transaction reads or replaces at this
-- moment are left for the next batch, so that nobody waits. A key that does not decrypt is reported in the log and
-- skipped; if the batch stopped there, a few such keys would block all others for ever.
--
-- The user is locked before the key, which is the order in which deleting a user locks them.
create function private.reencrypt_api_keys(batch_size integer)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_batch_size integer := coalesce(reencrypt_api_keys.batch_size, 100);
  v_version integer;
  v_secret text;
  v_old_secrets jsonb := '{}';
  v_key record;
  v_plaintext text;
  v_page integer;
  v_last_version integer := 0;
  v_last_id uuid := '00000000-0000-0000-0000-000000000000';
  v_reencrypted integer := 0;
  v_remaining integer;
begin
  if v_batch_size not between 1 and 1000 then
    perform private.raise_error(
      'invalid_argument', 'batch_size must be between 1 and 1000.', '{"argument": "batch_size", "minimum": 1, "maximum": 1000}'
    );
  end if;

  v_version := private.hold_current_api_key_secret();
  v_secret := private.api_key_secret(v_version);
  if v_secret is null then
    perform private.raise_error('secret_not_configured', 'The newest secret is missing in Vault. Restore it, or rotate.');
  end if;

  -- Page by page along the index, so that a batch takes no longer among a million rows than among a hundred.
  loop
    v_page := 0;
    for v_key in
      select k.id, k.user_id, k.provider, k.key_encrypted, k.secret_version
      from public.api_keys as k
      join public.users as u on u.id = k.user_id
      where k.secret_version < v_version
        and (k.secret_version, k.id) > (v_last_version, v_last_id)
      order by k.secret_version, k.id
      limit v_batch_size - v_reencrypted
      for key share of u skip locked
      for no key update of k skip locked
    loop
      v_page := v_page + 1;
      v_last_version := v_key.secret_version;
      v_last_id := v_key.id;

      if not v_old_secrets ? v_key.secret_version::text then
        v_old_secrets := v_old_secrets
          || jsonb_build_object(v_key.secret_version, private.api_key_secret(v_key.secret_version));
      end if;
      v_plaintext := private.open_api_key(
        v_key.key_encrypted, v_old_secrets ->> v_key.secret_version::text, v_key.user_id, v_key.provider, v_key.secret_version
      );
      if v_plaintext is null then
        raise warning 'API key % cannot be decrypted with secret %: it is left unchanged', v_key.id, v_key.secret_version;
        continue;
      end if;

      update public.api_keys as k
      set key_encrypted = private.seal(
            v_plaintext, v_secret, private.api_key_context(v_key.user_id, v_key.provider, v_version)
          ),
          secret_version = v_version
      where k.id = v_key.id;

      insert into public.api_key_events (user_id, provider, action)
      values (v_key.user_id, v_key.provider, 'reencrypted');

      v_reencrypted := v_reencrypted + 1;
    end loop;
    exit when v_page = 0 or v_reencrypted = v_batch_size;
  end loop;

  select count(*)
  into v_remaining
  from public.api_keys as k
  where k.secret_version < v_version;

  return jsonb_build_object('reencrypted', v_reencrypted, 'remaining', v_remaining);
end;
$$;

create function public.reencrypt_api_keys(batch_size integer default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.reencrypt_api_keys(batch_size);
end;

comment on function public.reencrypt_api_keys(integer) is
  'Encrypts up to batch_size keys (1 to 1000, 100 by default) anew under the newest secret; call it until remaining is 0. {reencrypted, remaining}';

revoke all on function private.reencrypt_api_keys, public.reencrypt_api_keys
  from public, anon, authenticated, service_role;
grant execute on function private.reencrypt_api_keys, public.reencrypt_api_keys to service_role;

create function public.rotate_api_key_secret()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select jsonb_build_object('version', private.create_api_key_secret());
end;

comment on function public.rotate_api_key_secret() is
  'Generates the next secret: keys are stored under it from now on. {version}';

revoke all on function public.rotate_api_key_secret from public, anon, authenticated, service_role;
grant execute on function private.create_api_key_secret, public.rotate_api_key_secret to service_role;

-- The error for a session that was opened without its user's second factor. Edge functions know from the token how
-- the session was opened, and their database functions check in the same transaction whether the user has a factor.
create function private.second_factor_required()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.error_result(
    'mfa_required', 'Confirm your second factor first: this session was opened without it.'
  );
end;
$$;

revoke all on function private.second_factor_required from public, anon, authenticated, service_role;

create function private.store_api_key(provider text, api_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
  v_stored jsonb;
  v_refusal jsonb;
begin
  v_stored := private.write_api_key(v_user_id, store_api_key.provider, store_api_key.api_key, false, null);

  -- A client that rolls this call back undoes the row and its audit row together with the count.
  v_refusal := private.refuse_api_key_write(v_user_id) -> 'error';
  if v_refusal is not null then
    perform private.raise_error('rate_limited', v_refusal ->> 'message', v_refusal -> 'facts');
  end if;
  return v_stored;
end;
$$;

create function public.store_api_key(provider text, api_key text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.store_api_key(provider, api_key);
end;

comment on function public.store_api_key(text, text) is
  'Stores the caller''s key of a provider, or replaces it. {id, provider, key_hint, created_at, updated_at, last_used}; never the key.';

revoke all on function private.store_api_key, public.store_api_key from public, anon, authenticated, service_role;
grant execute on function private.store_api_key, public.store_api_key to authenticated;

-- Stores a user's key, or replaces it in place, with its audit row: {id, provider, key_hint, created_at, updated_at,
-- last_used}. The id and created_at of a replaced key stay, and last_used is cleared. No error and no result quotes
-- the key.
create function private.write_api_key(user_id uuid, provider text, api_key text, verified boolean, request_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := private.clean_provider(write_api_key.provider);
  -- A line end comes along when a key is copied from a terminal.
  v_api_key text := btrim(write_api_key.api_key, E' \t\r\n');
  v_version integer;
  v_secret text;
  v_stored jsonb;
begin
  if v_provider is null or v_provider !~ '^[a-z][a-z0-9_-]{1,31}$' then
    perform private.raise_error(
      'invalid_argument',
      'Name the provider by 2 to 32 letters, digits, hyphens or underscores, a letter first.',
      '{"argument": "provider"}'
    );
  end if;
  -- Keys are sent in HTTP headers: visible ASCII.
  if v_api_key is null or char_length(v_api_key) not between 8 and 512 or v_api_key ~ '[^\x21-\x7e]' then
    perform private.raise_error(
      'invalid_argument',
      'Give the key as 8 to 512 visible ASCII characters without white space.',
      '{"argument": "api_key", "minimum": 8, "maximum": 512}'
    );
  end if;
  if not private.hold_account(write_api_key.user_id) then
    perform private.raise_error('email_required', 'Add an email address to the account first.');
  end if;

  v_version := private.hold_current_api_key_secret();
  v_secret := private.api_key_secret(v_version);
  if v_secret is null then
    perform private.raise_error('secret_not_configured', 'Keys cannot be stored now. Try again later.');
  end if;

  insert into public.api_keys as k (user_id, provider, key_encrypted, key_hint, secret_version, verified_at)
  values (
    write_api_key.user_id,
    v_provider,
    private.seal(v_api_key, v_secret, private.api_key_context(write_api_key.user_id, v_provider, v_version)),
    right(v_api_key, 4),
    v_version,
    case when write_api_key.verified then now() end
  )
  on conflict on constraint api_keys_one_per_provider do update
    set key_encrypted = excluded.key_encrypted,
        key_hint = excluded.key_hint,
        secret_version = excluded.secret_version,
        verified_at = excluded.verified_at,
        rejected_at = null,
        last_used = null
  returning jsonb_build_object(
    'id', k.id,
    'provider', k.provider,
    'key_hint', k.key_hint,
    'created_at', k.created_at,
    'updated_at', k.updated_at,
    'last_used', k.last_used
  )
  into v_stored;

  insert into public.api_key_events (user_id, provider, action, request_id)
  values (write_api_key.user_id, v_provider, 'stored', left(write_api_key.request_id, 200));

  return v_stored;
end;
$$;

-- Counts a key that is about to be stored, or checked with its provider; returns the error where it is refused. Thirty writes in ten minutes are far more than a person types, and few enough that a loop of storing and
-- deleting adds little to the audit trail. Deleting is not counted: it adds an audit row only where storing added
-- one before, and a user must always be able to delete a key.
create function private.refuse_api_key_write(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  return private.refuse_attempt(
    'write_api_key', refuse_api_key_write.user_id, 30, interval '10 minutes', 'Wait %s s, then store the key.'
  );
end;
$$;

create function public.store_checked_api_key(
  user_id uuid,
  provider text,
  api_key text,
  verified boolean,
  request_id text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.write_api_key(user_id, provider, api_key, verified, request_id);
end;

comment on function public.store_checked_api_key(uuid, text, text, boolean, text) is
  'Internal, for store-api-key: stores a key that begin_api_key_check counted; verified where the provider accepted it. Returns what store_api_key returns.';

revoke all on function private.write_api_key, private.refuse_api_key_write, public.store_checked_api_key
  from public, anon, authenticated, service_role;
grant execute on function private.write_api_key, public.store_checked_api_key to service_role;

-- A rollback leaves the secrets in Vault while a key is stored, so a secret may exist already.
select private.create_api_key_secret()
where private.current_api_key_secret_version() is null;

-- Only paths that generate, and lists of models. Files, batches, fine-tuning and administration are left out: with
-- the operator's key they would show and cost what does not belong to the caller.
insert into private.llm_providers
  (provider, name, base_url, auth_header, auth_scheme, extra_headers, path_prefixes, check_path)
values
  (
    'openai', 'OpenAI', 'https://api.openai.com', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/completions,/v1/responses,/v1/embeddings,/v1/moderations,/v1/models}', '/v1/models'
  ),
  (
    -- https://docs.anthropic.com/en/api/versioning
    'anthropic', 'Anthropic', 'https://api.anthropic.com', 'x-api-key', null, '{"anthropic-version": "2023-06-01"}',
    '{/v1/messages,/v1/models}', '/v1/models'
  ),
  (
    'google', 'Google Gemini', 'https://generativelanguage.googleapis.com', 'x-goog-api-key', null, '{}',
    '{/v1beta/models,/v1/models}', '/v1beta/models?pageSize=1'
  ),
  (
    'mistral', 'Mistral', 'https://api.mistral.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/fim/completions,/v1/embeddings,/v1/models}', '/v1/models'
  ),
  (
    -- Everybody may read its list of models, so that request would not check a key.
    'openrouter', 'OpenRouter', 'https://openrouter.ai', 'authorization', 'Bearer', '{}',
    '{/api/v1/chat/completions,/api/v1/completions,/api/v1/models,/api/v1/key}', '/api/v1/key'
  ),
  (
    'groq', 'Groq', 'https://api.groq.com', 'authorization', 'Bearer', '{}',
    '{/openai/v1/chat/completions,/openai/v1/responses,/openai/v1/models}', '/openai/v1/models'
  ),
  (
    -- Its own base URL has no version, and OpenAI's clients may add one: both reach the same API.
    'deepseek', 'DeepSeek', 'https://api.deepseek.com', 'authorization', 'Bearer', '{}',
    '{/chat/completions,/v1/chat/completions,/models,/v1/models}', '/models'
  ),
  (
    'xai', 'xAI', 'https://api.x.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/responses,/v1/models}', '/v1/models'
  );

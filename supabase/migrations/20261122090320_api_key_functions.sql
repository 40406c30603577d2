-- Storing, deleting and reading API keys. A user stores and deletes their own through
-- the Data API. Reading is for the edge function alone, which knows its caller by the
-- token and hands the key to nobody else.

-- The account of a user, kept from being deleted until the transaction ends. It is locked
-- before any of its keys, which is the order in which deleting a user locks them.
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

comment on function private.hold_account(uuid) is
  'Whether the user has an account, made now if need be; locked against deletion until the transaction ends.';

revoke all on function private.hold_account from public, anon, authenticated, service_role;

-- Case and the white space around a name are how people type, not what they mean.
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

comment on function private.clean_provider(text) is 'A provider''s name as it is stored.';

revoke all on function private.clean_provider from public, anon, authenticated, service_role;

-- A key is replaced in place: its id and created_at stay, and it was never used yet.
-- Nothing that is raised or answered here quotes it.
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
  -- Keys travel in HTTP headers: visible ASCII.
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

comment on function private.write_api_key(uuid, text, text, boolean, text) is
  'Stores a user''s key or replaces it, with its audit row: {id, provider, key_hint, created_at, updated_at, last_used}.';

revoke all on function private.write_api_key from public, anon, authenticated, service_role;

-- Thirty writes in ten minutes: far more than a person types, and few enough that a loop of
-- storing and deleting adds little to the audit trail. Deleting is not counted: it writes
-- an audit row only where storing wrote one before, and a user must always be able to
-- take a key away.
create function private.take_api_key_write(user_id uuid)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  return private.take_attempt('write_api_key', take_api_key_write.user_id, 30, interval '10 minutes');
end;
$$;

comment on function private.take_api_key_write(uuid) is
  'Counts a key that is about to be stored, or to be checked with its provider: null, or the seconds to wait.';

revoke all on function private.take_api_key_write from public, anon, authenticated, service_role;

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
  v_wait integer;
begin
  v_stored := private.write_api_key(v_user_id, store_api_key.provider, store_api_key.api_key, false, null);

  -- A client that rolls this call back takes the row and its audit row back with the count.
  v_wait := private.take_api_key_write(v_user_id);
  if v_wait is not null then
    perform private.raise_error(
      'rate_limited',
      format('Wait %s s, then store the key.', v_wait),
      jsonb_build_object('retry_after', v_wait)
    );
  end if;
  return v_stored;
end;
$$;

comment on function private.store_api_key(text, text) is 'The work of public.store_api_key().';

revoke all on function private.store_api_key from public, anon, authenticated, service_role;
grant execute on function private.store_api_key to authenticated;

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

revoke all on function public.store_api_key from public, anon, authenticated, service_role;
grant execute on function public.store_api_key to authenticated;

-- By whatever path a key goes, the audit trail says so; but for the cascade from a deleted
-- user, whose trail goes too.
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

comment on function private.record_deleted_api_key() is
  'Trigger function: writes the audit row of a deleted key, unless its user is gone.';

revoke all on function private.record_deleted_api_key from public, anon, authenticated, service_role;

create trigger api_keys_record_deletion
  after delete on public.api_keys
  for each row
  execute function private.record_deleted_api_key();

create function private.delete_api_key(provider text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
begin
  if delete_api_key.provider is null then
    perform private.raise_error('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;
  if not private.hold_account(v_user_id) then
    perform private.raise_error('email_required', 'Add an email address to the account first.');
  end if;

  delete from public.api_keys as k
  where k.user_id = v_user_id
    and k.provider = private.clean_provider(delete_api_key.provider);

  return jsonb_build_object('deleted', found);
end;
$$;

comment on function private.delete_api_key(text) is 'The work of public.delete_api_key().';

revoke all on function private.delete_api_key from public, anon, authenticated, service_role;
grant execute on function private.delete_api_key to authenticated;

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

revoke all on function public.delete_api_key from public, anon, authenticated, service_role;
grant execute on function public.delete_api_key to authenticated;

-- Reads a stored key: one statement locks it and moves last_used, one writes the audit row.
-- The row is locked before its secret is looked up, so that it cannot be re-encrypted and
-- its secret dropped in between; the account is locked before the row, which is the
-- order in which deleting a user locks them.
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
      'decryption_failed', 'The stored key does not open. Store it again.'
    );
    return;
  end if;
  use_api_key.stored_at := v_key.updated_at;
  use_api_key.is_rejected := v_key.rejected_at is not null;

  insert into public.api_key_events (user_id, provider, action, request_id)
  values (use_api_key.user_id, use_api_key.provider, 'decrypted', left(use_api_key.request_id, 200));
end;
$$;

comment on function private.use_api_key(uuid, text, text) is
  'A stored key in the clear with its audit row, or the refusal as private.error_result() gives it. stored_at tells this key from a later one.';

revoke all on function private.use_api_key from public, anon, authenticated, service_role;

-- Every call counts, the failing ones too, so errors are answered and not raised: raising
-- would take the count back. Sixty a minute are plenty for an app that keeps a key for one
-- request, and few for somebody with a stolen session.
create function private.get_decrypted_api_key(user_id uuid, provider text, request_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := private.clean_provider(get_decrypted_api_key.provider);
  v_wait integer;
  v_key record;
begin
  if get_decrypted_api_key.user_id is null then
    return private.error_result('invalid_argument', 'Give the user''s id.', '{"argument": "user_id"}');
  end if;

  v_wait := private.take_attempt('read_api_key', get_decrypted_api_key.user_id, 60, interval '1 minute');
  if v_wait is not null then
    return private.error_result(
      'rate_limited',
      format('Wait %s s, then ask for the key again.', v_wait),
      jsonb_build_object('retry_after', v_wait)
    );
  end if;
  if v_provider is null then
    return private.error_result('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;

  v_key := private.use_api_key(get_decrypted_api_key.user_id, v_provider, get_decrypted_api_key.request_id);
  return coalesce(
    v_key.refusal,
    jsonb_build_object('ok', true, 'provider', v_provider, 'api_key', v_key.api_key)
  );
end;
$$;

comment on function private.get_decrypted_api_key(uuid, text, text) is 'The work of public.get_decrypted_api_key().';

revoke all on function private.get_decrypted_api_key from public, anon, authenticated, service_role;
grant execute on function private.get_decrypted_api_key to service_role;

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

revoke all on function public.get_decrypted_api_key from public, anon, authenticated, service_role;
grant execute on function public.get_decrypted_api_key to service_role;

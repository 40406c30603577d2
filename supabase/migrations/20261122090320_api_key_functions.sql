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
language sql
immutable
security invoker
set search_path = ''
return lower(btrim(provider, E' \t\r\n'));

comment on function private.clean_provider(text) is 'A provider''s name as it is stored.';

revoke all on function private.clean_provider from public, anon, authenticated, service_role;

-- A key is replaced in place: its id and created_at stay, and it was never used yet.
-- Nothing that is raised or answered here quotes it.
create function private.store_api_key(provider text, api_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
  v_provider text := private.clean_provider(store_api_key.provider);
  -- A line end comes along when a key is copied from a terminal.
  v_api_key text := btrim(store_api_key.api_key, E' \t\r\n');
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
  if not private.hold_account(v_user_id) then
    perform private.raise_error('email_required', 'Add an email address to the account first.');
  end if;

  v_version := private.hold_current_api_key_secret();
  v_secret := private.api_key_secret(v_version);
  if v_secret is null then
    perform private.raise_error('secret_not_configured', 'Keys cannot be stored now. Try again later.');
  end if;

  insert into public.api_keys as k (user_id, provider, key_encrypted, key_hint, secret_version)
  values (
    v_user_id,
    v_provider,
    private.seal(v_api_key, v_secret, private.api_key_context(v_user_id, v_provider, v_version)),
    right(v_api_key, 4),
    v_version
  )
  on conflict on constraint api_keys_one_per_provider do update
    set key_encrypted = excluded.key_encrypted,
        key_hint = excluded.key_hint,
        secret_version = excluded.secret_version,
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

  insert into public.api_key_events (user_id, provider, action)
  values (v_user_id, v_provider, 'stored');

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

-- Every call counts, the failing ones too, so errors are answered and not raised: raising
-- would take the count back. Sixty a minute are plenty for an app that keeps a key for one
-- request, and few for somebody with a stolen session.
--
-- The row is locked before its secret is looked up, so that it cannot be re-encrypted and
-- its secret dropped in between.
create function private.get_decrypted_api_key(user_id uuid, provider text, request_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_wait integer;
  v_key record;
  v_secret text;
  v_api_key text;
begin
  if get_decrypted_api_key.user_id is null then
    return private.error_result('invalid_argument', 'Give the user''s id.', '{"argument": "user_id"}');
  end if;
  if not private.hold_account(get_decrypted_api_key.user_id) then
    if exists (select from auth.users as u where u.id = get_decrypted_api_key.user_id) then
      return private.error_result('email_required', 'Add an email address to the account first.');
    end if;
    return private.error_result('user_not_found', 'Check the user''s id: no account has it.');
  end if;

  v_wait := private.take_attempt('read_api_key', get_decrypted_api_key.user_id, 60, interval '1 minute');
  if v_wait is not null then
    return private.error_result(
      'rate_limited',
      format('Wait %s s, then ask for the key again.', v_wait),
      jsonb_build_object('retry_after', v_wait)
    );
  end if;
  if get_decrypted_api_key.provider is null then
    return private.error_result('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;

  select k.id, k.user_id, k.provider, k.key_encrypted, k.secret_version
  into v_key
  from public.api_keys as k
  where k.user_id = get_decrypted_api_key.user_id
    and k.provider = private.clean_provider(get_decrypted_api_key.provider)
  for no key update;

  if not found then
    return private.error_result('api_key_not_found', 'No key is stored for this provider. Store one first.');
  end if;

  v_secret := private.api_key_secret(v_key.secret_version);
  if v_secret is null then
    return private.error_result('secret_not_configured', 'The key cannot be read now. Try again later.');
  end if;
  v_api_key := private.open_api_key(
    v_key.key_encrypted, v_secret, v_key.user_id, v_key.provider, v_key.secret_version
  );
  if v_api_key is null then
    return private.error_result('decryption_failed', 'The stored key does not open. Store it again.');
  end if;

  update public.api_keys as k
  set last_used = now()
  where k.id = v_key.id;

  insert into public.api_key_events (user_id, provider, action, request_id)
  values (v_key.user_id, v_key.provider, 'decrypted', left(get_decrypted_api_key.request_id, 200));

  return jsonb_build_object('ok', true, 'provider', v_key.provider, 'api_key', v_api_key);
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

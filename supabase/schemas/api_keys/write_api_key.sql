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

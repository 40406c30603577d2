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

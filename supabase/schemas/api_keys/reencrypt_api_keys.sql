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

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

-- Secrets are created one at a time. The number of a dropped secret is never used again, because a row may still
-- name it.
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
    v_secret, private.api_key_secret_name(v_version), private.api_key_secret_description(v_secret)
  );
  return v_version;
end;
$$;

comment on function private.create_api_key_secret() is 'Makes the next secret in Vault and gives its version.';

revoke all on function private.create_api_key_secret from public, anon, authenticated, service_role;

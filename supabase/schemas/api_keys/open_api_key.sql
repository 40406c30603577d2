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

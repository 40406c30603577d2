-- The secrets that open the API keys. A copy of the tables alone opens nothing, because the secrets live in Vault, are
-- made in the database, and never pass through a client, a migration or a file.
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

comment on function private.api_key_secret_name(integer) is 'The name of a secret in Vault.';

create function private.api_key_secret_check(secret text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- Half of a derived key: enough to recognise a secret by, and of no use in opening anything.
  return encode(substr(private.derive_key(api_key_secret_check.secret, 'pinebase api key v2 check'), 1, 16), 'hex');
end;
$$;

comment on function private.api_key_secret_check(text) is 'The check value that stands in a secret''s description.';

create function private.api_key_secret_description(secret text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select 'Opens stored API keys. Made by the database: do not change. Check value: ' || private.api_key_secret_check(secret)
$$;

comment on function private.api_key_secret_description(text) is 'The description of a secret in Vault, which ends in its check value.';

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
  -- What another project's root key has encrypted raises an error here.
  when others then
    raise warning 'secret % of the API keys cannot be read from Vault (%)', api_key_secret.version, sqlstate;
    return null;
end;
$$;

comment on function private.api_key_secret(integer) is
  'A secret from Vault; null where it is missing or is not the one that was made.';

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

comment on function private.current_api_key_secret_version() is
  'The version that encrypts: the highest there is, usable or not; null where there is none.';

-- Whoever writes a row under a secret holds the secret until commit, as a foreign key holds
-- what it refers to: dropping it then sees rows that nobody else can see yet. The version
-- is read again once it is held, because it may have been dropped just before.
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

comment on function private.hold_current_api_key_secret() is
  'The version that encrypts, kept from being dropped until the transaction ends; null where there is none.';

revoke all on function
  private.api_key_secret_name,
  private.api_key_secret_check,
  private.api_key_secret_description,
  private.api_key_secret,
  private.current_api_key_secret_version,
  private.hold_current_api_key_secret
  from public, anon, authenticated, service_role;

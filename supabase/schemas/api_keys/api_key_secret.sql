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

-- Secrets of the API keys: the format a key is stored in, and the life of the secrets
-- that open it. A copy of the tables alone opens nothing, because the secrets live in
-- Vault, are made here in the database, and never pass through a client, a migration or
-- a file.

-- The Data API passes what a user sends as bind parameters, and Postgres writes those to
-- its log at log_statement = all and beside slow statements. With this it does not: a key
-- that is being stored would otherwise stand there in the clear. Sessions that are open
-- already go on without it until PostgREST replaces them, half an hour later at most. The
-- second is for refused statements; zero is its default, which must not be changed here.
-- Hosted images from before November 2025 do not let postgres set the first: there the push goes through and warns.
alter role authenticator set log_parameter_max_length_on_error = 0;

do $$
begin
  alter role authenticator set log_parameter_max_length = 0;
exception
  when insufficient_privilege then
    raise warning 'This image of Supabase does not let postgres set log_parameter_max_length: upgrade the project, or its log may hold keys that are being stored.';
end;
$$;

-- ---------------------------------------------------------------- the envelope
-- v2.<base64url of iv || ciphertext || tag>, without padding.
--
--   encryption key  HKDF-SHA-256 (RFC 5869) of the secret's UTF-8 bytes, no salt,
--                   info 'pinebase api key v2 encrypt', 32 bytes
--   MAC key         the same, info 'pinebase api key v2 authenticate'
--   iv              16 random bytes
--   ciphertext      AES-256-CBC with PKCS #7 padding
--   tag             HMAC-SHA-256 of 'v2.' || length of context (4 bytes, big endian)
--                   || context || iv || ciphertext
--
-- The context is authenticated and not stored: it is empty for encrypt_api_key(), and
-- says for a stored key whose it is, so that a ciphertext copied to another row is void.

-- HKDF with one block of output: extract with a salt of zeros, then expand. plpgsql here and
-- below, because a SQL function with a search_path is planned anew at every call: the
-- functions that reading a key needs would take longer than everything else it does.
create function private.derive_key(secret text, purpose text)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return extensions.hmac(
    convert_to(derive_key.purpose, 'UTF8') || '\x01'::bytea,
    extensions.hmac(
      convert_to(derive_key.secret, 'UTF8'),
      '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea,
      'sha256'
    ),
    'sha256'
  );
end;
$$;

comment on function private.derive_key(text, text) is
  'HKDF-SHA-256 without salt: a 32-byte key for one purpose. One secret so never serves two algorithms.';

revoke all on function private.derive_key from public, anon, authenticated, service_role;

create function private.envelope_tag(sealed bytea, secret text, context text)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return extensions.hmac(
    convert_to('v2.', 'UTF8')
      || int4send(octet_length(envelope_tag.context))
      || convert_to(envelope_tag.context, 'UTF8')
      || envelope_tag.sealed,
    private.derive_key(envelope_tag.secret, 'pinebase api key v2 authenticate'),
    'sha256'
  );
end;
$$;

comment on function private.envelope_tag(bytea, text, text) is
  'The tag over version, context, IV and ciphertext. The length before the context keeps the two apart.';

revoke all on function private.envelope_tag from public, anon, authenticated, service_role;

create function private.base64url(bytes bytea)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
begin
  return rtrim(translate(encode(base64url.bytes, 'base64'), E'+/\n', '-_'), '=');
end;
$$;

comment on function private.base64url(bytea) is 'Base64url without padding (RFC 4648, section 5).';

revoke all on function private.base64url from public, anon, authenticated, service_role;

create function private.seal(plaintext text, secret text, context text)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_iv bytea := extensions.gen_random_bytes(16);
  v_sealed bytea;
begin
  v_sealed := v_iv || extensions.encrypt_iv(
    convert_to(seal.plaintext, 'UTF8'),
    private.derive_key(seal.secret, 'pinebase api key v2 encrypt'),
    v_iv,
    'aes-cbc/pad:pkcs'
  );
  return 'v2.' || private.base64url(v_sealed || private.envelope_tag(v_sealed, seal.secret, seal.context));
end;
$$;

comment on function private.seal(text, text, text) is
  'Encrypts and authenticates a text. Two envelopes of one text differ.';

revoke all on function private.seal from public, anon, authenticated, service_role;

-- Returns null for any failure, so that a caller cannot learn which check failed and no
-- error quotes what it was given.
create function private.open_sealed(envelope text, secret text, context text)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_text text := substr(open_sealed.envelope, 4);
  v_bytes bytea;
  v_sealed bytea;
  v_blind bytea;
begin
  if left(open_sealed.envelope, 3) <> 'v2.' or octet_length(open_sealed.secret) < 16 then
    return null;
  end if;

  v_bytes := decode(
    rpad(translate(v_text, '-_', '+/'), (char_length(v_text) + 3) / 4 * 4, '='),
    'base64'
  );
  -- The bits that the last character has to spare, and white space, would make two texts
  -- of one envelope. At least an IV, one block and a tag must be there.
  if private.base64url(v_bytes) <> v_text or octet_length(v_bytes) < 64 then
    return null;
  end if;
  v_sealed := substr(v_bytes, 1, octet_length(v_bytes) - 32);

  -- Comparing bytes takes the longer the more of them agree. Under a key that is new
  -- each time, what agrees says nothing about the tag.
  v_blind := extensions.gen_random_bytes(32);
  if extensions.hmac(substr(v_bytes, octet_length(v_bytes) - 31), v_blind, 'sha256')
    <> extensions.hmac(
      private.envelope_tag(v_sealed, open_sealed.secret, open_sealed.context), v_blind, 'sha256'
    )
  then
    return null;
  end if;

  return convert_from(
    extensions.decrypt_iv(
      substr(v_sealed, 17),
      private.derive_key(open_sealed.secret, 'pinebase api key v2 encrypt'),
      substr(v_sealed, 1, 16),
      'aes-cbc/pad:pkcs'
    ),
    'UTF8'
  );
exception
  when others then
    return null;
end;
$$;

comment on function private.open_sealed(text, text, text) is
  'Opens an envelope, or gives null where anything at all is wrong with it, the secret or the context.';

revoke all on function private.open_sealed from public, anon, authenticated, service_role;

create function private.encrypt_api_key(key_text text, secret text)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if encrypt_api_key.key_text is null then
    perform private.raise_error('invalid_argument', 'Give the key to encrypt.', '{"argument": "key_text"}');
  end if;
  -- Sixteen random bytes are 128 bits; a secret that is shorter can be guessed.
  if octet_length(encrypt_api_key.secret) is null or octet_length(encrypt_api_key.secret) < 16 then
    perform private.raise_error(
      'invalid_argument', 'Give a secret of 16 bytes or more.', '{"argument": "secret", "minimum": 16}'
    );
  end if;
  return private.seal(encrypt_api_key.key_text, encrypt_api_key.secret, '');
end;
$$;

comment on function private.encrypt_api_key(text, text) is 'The work of public.encrypt_api_key().';

revoke all on function private.encrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.encrypt_api_key to service_role;

create function public.encrypt_api_key(key_text text, secret text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.encrypt_api_key(key_text, secret);
end;

comment on function public.encrypt_api_key(text, text) is
  'Encrypts a text under a secret of 16 bytes or more: v2. and base64url of IV, ciphertext and tag.';

revoke all on function public.encrypt_api_key from public, anon, authenticated, service_role;
grant execute on function public.encrypt_api_key to service_role;

create function private.decrypt_api_key(encrypted_key text, secret text)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_plaintext text;
begin
  if decrypt_api_key.encrypted_key is null or decrypt_api_key.secret is null then
    perform private.raise_error(
      'invalid_argument',
      'Give the encrypted key and its secret.',
      jsonb_build_object('argument', case when decrypt_api_key.secret is null then 'secret' else 'encrypted_key' end)
    );
  end if;
  v_plaintext := private.open_sealed(decrypt_api_key.encrypted_key, decrypt_api_key.secret, '');
  if v_plaintext is null then
    perform private.raise_error('decryption_failed', 'This does not open with this secret. Check both.');
  end if;
  return v_plaintext;
end;
$$;

comment on function private.decrypt_api_key(text, text) is 'The work of public.decrypt_api_key().';

revoke all on function private.decrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.decrypt_api_key to service_role;

create function public.decrypt_api_key(encrypted_key text, secret text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.decrypt_api_key(encrypted_key, secret);
end;

comment on function public.decrypt_api_key(text, text) is
  'Opens what encrypt_api_key made. Does not open stored keys.';

revoke all on function public.decrypt_api_key from public, anon, authenticated, service_role;
grant execute on function public.decrypt_api_key to service_role;

-- ----------------------------------------------------------------- the secrets
-- In Vault under api_key_secret_v1, _v2 and so on; the highest encrypts, all decrypt.
-- Each carries a check value in its description: a secret that was overwritten from
-- outside, or that came from another project's backup, is recognised before a key is
-- stored under it and lost.
--
-- These functions read Vault by name at run time and so do not depend on its objects,
-- which are the platform's to replace.

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

revoke all on function private.api_key_secret_name from public, anon, authenticated, service_role;

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

revoke all on function private.api_key_secret_check from public, anon, authenticated, service_role;

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

revoke all on function private.api_key_secret_description from public, anon, authenticated, service_role;

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

revoke all on function private.api_key_secret from public, anon, authenticated, service_role;

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

revoke all on function private.current_api_key_secret_version from public, anon, authenticated, service_role;

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

revoke all on function private.hold_current_api_key_secret from public, anon, authenticated, service_role;

-- The same for rows that are written past the functions.
create function private.require_api_key_secret()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('api_key_secret'), new.secret_version);

  if not exists (
    select
    from vault.secrets as s
    where s.name = private.api_key_secret_name(new.secret_version)
  ) then
    perform private.raise_error(
      'secret_not_configured',
      'No such secret is in Vault. Store the key by store_api_key.',
      jsonb_build_object('version', new.secret_version)
    );
  end if;
  return new;
end;
$$;

comment on function private.require_api_key_secret() is
  'Trigger function: a stored key''s secret exists and is not dropped before the row is committed.';

revoke all on function private.require_api_key_secret from public, anon, authenticated, service_role;

create trigger api_keys_require_secret
  before insert or update of secret_version on public.api_keys
  for each row
  execute function private.require_api_key_secret();

-- The secrets change one at a time. A number is never used again while a row may know it.
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

-- The first secret. Rolling this migration back leaves the secrets where they are, and
-- pushing it again finds them.
select private.create_api_key_secret()
where private.current_api_key_secret_version() is null;

-- ---------------------------------------------------------------- stored keys

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

comment on function private.api_key_context(uuid, text, integer) is
  'What a stored key is bound to: user id, provider and secret version, a line each. None of them can hold a line end.';

revoke all on function private.api_key_context from public, anon, authenticated, service_role;

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

comment on function private.open_api_key(text, text, uuid, text, integer) is
  'Opens a stored key; null where it does not open in this very row.';

revoke all on function private.open_api_key from public, anon, authenticated, service_role;

-- ----------------------------------------------------------- life of the secrets

create function private.rotate_api_key_secret()
returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
  select jsonb_build_object('version', private.create_api_key_secret())
$$;

comment on function private.rotate_api_key_secret() is 'The work of public.rotate_api_key_secret().';

revoke all on function private.rotate_api_key_secret from public, anon, authenticated, service_role;
grant execute on function private.rotate_api_key_secret to service_role;

create function public.rotate_api_key_secret()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.rotate_api_key_secret();
end;

comment on function public.rotate_api_key_secret() is
  'Makes the next secret: keys are stored under it from now on. {version}';

revoke all on function public.rotate_api_key_secret from public, anon, authenticated, service_role;
grant execute on function public.rotate_api_key_secret to service_role;

-- Brings a batch of rows to the current secret. Rows that somebody reads or replaces at
-- this moment are left for the next batch, so that nobody waits. A row that does not open is
-- left as it is and told in the log; the batch goes on behind it, or a few such rows
-- would stop all others for ever.
--
-- The user is locked as well, before the row: deleting a user takes the same way.
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
      'invalid_argument', 'Ask for 1 to 1000 keys at once.', '{"argument": "batch_size", "minimum": 1, "maximum": 1000}'
    );
  end if;

  v_version := private.hold_current_api_key_secret();
  v_secret := private.api_key_secret(v_version);
  if v_secret is null then
    perform private.raise_error('secret_not_configured', 'Put the newest secret back into Vault, or rotate.');
  end if;

  -- Page by page along the index, so that a batch of a million rows costs what one of a
  -- hundred does.
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
        raise warning 'api key % does not open with secret %: it stays as it is', v_key.id, v_key.secret_version;
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

comment on function private.reencrypt_api_keys(integer) is 'The work of public.reencrypt_api_keys().';

revoke all on function private.reencrypt_api_keys from public, anon, authenticated, service_role;
grant execute on function private.reencrypt_api_keys to service_role;

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
  'Brings up to batch_size keys (1 to 1000, 100 by default) to the newest secret; call it until remaining is 0. {reencrypted, remaining}';

revoke all on function public.reencrypt_api_keys from public, anon, authenticated, service_role;
grant execute on function public.reencrypt_api_keys to service_role;

-- Refuses while a row uses the secret: one that is committed is counted, one that is
-- not holds the lock. It does not wait for that one, because it would be refused then.
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
      'secret_in_use', 'A key is being stored under this secret at this moment. Re-encrypt, then try again.', v_in_use
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

comment on function private.drop_api_key_secret(integer) is 'The work of public.drop_api_key_secret().';

revoke all on function private.drop_api_key_secret from public, anon, authenticated, service_role;
grant execute on function private.drop_api_key_secret to service_role;

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

revoke all on function public.drop_api_key_secret from public, anon, authenticated, service_role;
grant execute on function public.drop_api_key_secret to service_role;

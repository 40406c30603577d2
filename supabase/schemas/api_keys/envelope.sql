-- HKDF-SHA-256 with a salt of zeros: a 32-byte key for one purpose, so that one secret never serves two algorithms.
--
-- This and what follows is plpgsql, because a SQL function with a search_path is planned anew at every call: the
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

-- The tag over version, context, IV and ciphertext. The length before the context separates the context from the IV.
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

-- Base64url without padding (RFC 4648, section 5).
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

-- Encrypts and authenticates a text. Two envelopes of one text differ.
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

-- Decrypts an envelope. Returns null for any failure of the envelope, the secret or the context, so that a caller
-- cannot learn which check failed and no error quotes what it was given.
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
  -- Unused bits of the last character, and white space, would allow two texts for one envelope, so both are refused.
  -- An envelope has at least an IV, one block and a tag.
  if private.base64url(v_bytes) <> v_text or octet_length(v_bytes) < 64 then
    return null;
  end if;
  v_sealed := substr(v_bytes, 1, octet_length(v_bytes) - 32);

  -- Comparing bytes takes longer the more of them agree, which could reveal the tag. Both sides are hashed under
  -- a random key first, so that bytes that agree reveal nothing.
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

revoke all on function private.derive_key, private.envelope_tag, private.base64url, private.seal, private.open_sealed
  from public, anon, authenticated, service_role;

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

revoke all on function private.encrypt_api_key, public.encrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.encrypt_api_key, public.encrypt_api_key to service_role;

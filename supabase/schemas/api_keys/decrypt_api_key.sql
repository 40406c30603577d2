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
    perform private.raise_error('decryption_failed', 'The ciphertext cannot be decrypted with this secret. Check both.');
  end if;
  return v_plaintext;
end;
$$;

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
  'Decrypts what encrypt_api_key returned. Does not decrypt stored keys.';

revoke all on function private.decrypt_api_key, public.decrypt_api_key from public, anon, authenticated, service_role;
grant execute on function private.decrypt_api_key, public.decrypt_api_key to service_role;

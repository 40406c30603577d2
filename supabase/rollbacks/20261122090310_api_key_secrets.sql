-- Takes back the secrets of the API keys. While a key is stored, all secrets stay in Vault, also
-- when the keys themselves are taken back next: a backup of them is worth nothing without.
-- The migration finds them when it is pushed again. Who wants them gone deletes the rows
-- of vault.secrets whose names begin with api_key_secret_.
delete from vault.secrets
where name ~ '^api_key_secret_v[0-9]+$'
  and not exists (select from public.api_keys);

drop function public.drop_api_key_secret(integer);
drop function private.drop_api_key_secret(integer);
drop function public.reencrypt_api_keys(integer);
drop function private.reencrypt_api_keys(integer);
drop function public.rotate_api_key_secret();
drop function private.rotate_api_key_secret();
drop function private.open_api_key(text, text, uuid, text, integer);
drop function private.api_key_context(uuid, text, integer);
drop function private.create_api_key_secret();
drop trigger api_keys_require_secret on public.api_keys;
drop function private.require_api_key_secret();
drop function private.hold_current_api_key_secret();
drop function private.current_api_key_secret_version();
drop function private.api_key_secret(integer);
drop function private.api_key_secret_description(text);
drop function private.api_key_secret_check(text);
drop function private.api_key_secret_name(integer);
drop function public.decrypt_api_key(text, text);
drop function private.decrypt_api_key(text, text);
drop function public.encrypt_api_key(text, text);
drop function private.encrypt_api_key(text, text);
drop function private.open_sealed(text, text, text);
drop function private.seal(text, text, text);
drop function private.base64url(bytea);
drop function private.envelope_tag(bytea, text, text);
drop function private.derive_key(text, text);
alter role authenticator reset log_parameter_max_length_on_error;
alter role authenticator reset log_parameter_max_length;

-- Rolls back API keys. Destroys every stored key, the audit trail with its archive, and the providers of language
-- models with every row that the operator added.
--
-- While a key is stored, all secrets stay in Vault, because a backup of the keys is useless without them. A later push
-- uses them again. To remove them, delete the rows of vault.secrets whose names begin with api_key_secret_.
delete from vault.secrets
where name ~ '^api_key_secret_v[0-9]+$'
  and not exists (select from public.api_keys);

alter role authenticator reset log_parameter_max_length_on_error;
alter role authenticator reset log_parameter_max_length;

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function public.store_checked_api_key(uuid, text, text, boolean, text);
drop function private.refuse_api_key_write(uuid);
drop function private.write_api_key(uuid, text, text, boolean, text);
drop function public.store_api_key(text, text);
drop function private.store_api_key(text, text);
drop function private.second_factor_required();
drop function public.rotate_api_key_secret();
drop function public.reencrypt_api_keys(integer);
drop function private.reencrypt_api_keys(integer);
drop function public.open_llm_call(uuid, text, text, boolean, boolean);
drop function private.open_llm_call(uuid, text, text, boolean, boolean);
drop function private.open_api_key(text, text, uuid, text, integer);
drop function private.api_key_context(uuid, text, integer);
drop function public.mark_api_key(uuid, text, timestamptz, boolean);
drop function private.mark_api_key(uuid, text, timestamptz, boolean);
drop function private.unknown_llm_provider();
drop function private.llm_provider(text);
drop function public.list_llm_providers();
drop function private.list_llm_providers();
drop function private.hold_account(uuid);
drop function public.get_decrypted_api_key(uuid, text, text);
drop function private.get_decrypted_api_key(uuid, text, text);
drop function private.use_api_key(uuid, text, text);
drop function private.open_sealed(text, text, text);
drop function private.seal(text, text, text);
drop function private.base64url(bytea);
drop function private.envelope_tag(bytea, text, text);
drop function private.derive_key(text, text);
drop function public.encrypt_api_key(text, text);
drop function private.encrypt_api_key(text, text);
drop function public.drop_api_key_secret(integer);
drop function private.drop_api_key_secret(integer);
drop function public.delete_api_key(text);
drop function private.delete_api_key(text);
drop function public.decrypt_api_key(text, text);
drop function private.decrypt_api_key(text, text);
drop function private.create_api_key_secret();
drop function private.clean_provider(text);
drop function public.begin_api_key_check(uuid, text, boolean);
drop function private.begin_api_key_check(uuid, text, boolean);
drop table private.archived_key_events;
drop function private.archive_key_events(uuid, timestamptz, integer);
drop function private.hold_current_api_key_secret();
drop function private.current_api_key_secret_version();
drop function private.api_key_secret(integer);
drop function private.api_key_secret_check(text);
drop function private.api_key_secret_name(integer);
drop table public.api_key_events;
drop table private.llm_providers;
drop trigger api_keys_record_deletion on public.api_keys;
drop function private.record_deleted_api_key();
drop trigger api_keys_require_secret on public.api_keys;
drop function private.require_api_key_secret();
drop table public.api_keys;

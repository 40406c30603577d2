-- Takes back storing, deleting and reading API keys. The stored keys stay.
drop function public.get_decrypted_api_key(uuid, text, text);
drop function private.get_decrypted_api_key(uuid, text, text);
drop function private.use_api_key(uuid, text, text);
drop function public.delete_api_key(text);
drop function private.delete_api_key(text);
drop trigger api_keys_record_deletion on public.api_keys;
drop function private.record_deleted_api_key();
drop function public.store_api_key(text, text);
drop function private.store_api_key(text, text);
drop function private.take_api_key_write(uuid);
drop function private.write_api_key(uuid, text, text, boolean, text);
drop function private.clean_provider(text);
drop function private.hold_account(uuid);

-- The first secret. A rollback leaves the secrets in Vault while a key is stored, and the next push finds them.
select private.create_api_key_secret()
where private.current_api_key_secret_version() is null;

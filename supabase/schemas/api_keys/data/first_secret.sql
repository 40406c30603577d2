-- A rollback leaves the secrets in Vault while a key is stored, so a secret may exist already.
select private.create_api_key_secret()
where private.current_api_key_secret_version() is null;

-- HMAC-SHA-256 of an email, without regard to case, by a key in Vault. Neither signing up nor deleting an account
-- may fail because that key is missing or unreadable: the result is then null, with a warning in the log, and
-- returning emails are not recognised.
create function private.hash_email(email text)
returns bytea
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_key text;
begin
  select s.decrypted_secret
  into v_key
  from vault.decrypted_secrets as s
  where s.name = 'deleted_email_key';

  if v_key is null then
    raise warning 'Vault holds no deleted_email_key: returning emails are not recognised';
  end if;

  return extensions.hmac(lower(btrim(hash_email.email)), v_key, 'sha256');
exception
  when others then
    raise warning 'Vault did not open deleted_email_key: returning emails are not recognised (%)', sqlstate;
    return null;
end;
$$;

revoke all on function private.hash_email from public, anon, authenticated, service_role;

-- Records the emails of the accounts that exist already. The key is read from Vault once, not once per account.
insert into private.account_emails (user_id, email_hash)
select u.id, extensions.hmac(lower(btrim(u.email)), k.key, 'sha256')
from auth.users as u
cross join (
  select s.decrypted_secret as key
  from vault.decrypted_secrets as s
  where s.name = 'deleted_email_key'
  offset 0
) as k
where u.email <> ''
  and (u.email_confirmed_at is not null or u.is_sso_user);

-- Every email that an account has ever had, as a keyed hash. It outlives the account, as account_uses does.
-- Otherwise a person could change the email, delete the account and sign up with the first email again, to get new
-- opening credits, use a coupon twice or have another trial. Only confirmed emails count, or a stranger could use up
-- a person's email by signing up with it.
--
-- The key is in Vault and not in a table. A dump of the database contains every table; with the key beside them, the
-- hashes could be compared with any list of emails.
create table private.account_emails (
  user_id uuid not null,
  email_hash bytea not null,
  constraint account_emails_pkey primary key (user_id, email_hash)
);

create index account_emails_email_hash_idx on private.account_emails (email_hash);

comment on table private.account_emails is
  'Every confirmed email that an account has had. Kept when the account is deleted; the email itself is not.';
comment on column private.account_emails.email_hash is 'HMAC-SHA-256 of the email.';

revoke all on private.account_emails from public, anon, authenticated, service_role;

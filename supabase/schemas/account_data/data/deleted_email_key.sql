-- The key is generated once, at random. An existing key is kept: under another key no email of a deleted account
-- would be recognised.
select vault.create_secret(
  encode(extensions.gen_random_bytes(32), 'hex'),
  'deleted_email_key',
  'Key of the hashes by which a returning email is recognised.'
)
where not exists (
  select
  from vault.secrets as s
  where s.name = 'deleted_email_key'
);

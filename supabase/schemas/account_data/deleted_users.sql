-- Ids of deleted users. An event that a payment provider sends late is then known to be about a deleted user.
create table private.deleted_users (
  user_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_users is 'Tombstones of deleted users, by whatever path they went. No name, no email.';

revoke all on private.deleted_users from public, anon, authenticated, service_role;

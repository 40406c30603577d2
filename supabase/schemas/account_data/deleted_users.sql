-- Ids of deleted users, so that a late event of a payment provider is recognised as one about a deleted user.
create table private.deleted_users (
  user_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_users is 'Ids of deleted users, by whatever path they were deleted. No name, no email.';

revoke all on private.deleted_users from public, anon, authenticated, service_role;

-- How far the ledger check and the archive have come.
create table private.sweep_state (
  is_only boolean primary key default true,
  ledger_id bigint not null default 0,
  user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  archive_user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  swept_at timestamptz,
  installed_at timestamptz not null default now(),
  constraint sweep_state_is_only check (is_only)
);

comment on table private.sweep_state is 'One row: how far the sweep has checked the ledger, which account it archived last, and when it last ran.';

revoke all on private.sweep_state from public, anon, authenticated, service_role;

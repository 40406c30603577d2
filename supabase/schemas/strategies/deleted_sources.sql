-- Strategies that were deleted while forks of them existed. The request that deletes does no
-- work for strangers' rows; the sweep sets their forked_from to null in batches.
create table private.deleted_sources (
  strategy_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_sources is 'Deleted strategies whose forks still have to lose the reference.';

revoke all on private.deleted_sources from public, anon, authenticated, service_role;

-- Strategies that were deleted while forks of them existed. The request that deletes a strategy writes no rows of
-- other users; the sweep sets their forked_from to null in batches.
create table private.deleted_sources (
  strategy_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_sources is 'Deleted strategies to which forks still refer.';

revoke all on private.deleted_sources from public, anon, authenticated, service_role;

-- Indicators that were deleted while components referred to them. The request that deletes
-- does no work for strangers' rows; the sweep sets their indicator_id to null in batches.
create table private.deleted_indicators (
  indicator_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_indicators is 'Deleted indicators whose components still have to lose the reference.';

-- When an indicator goes, its components stay with its name and lose the link.
create function private.note_deleted_indicator()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- A component that was being linked has held the indicator's lock until it was committed,
  -- so it is seen here.
  if exists (
    select
    from public.strategy_components as c
    where c.indicator_id = old.id
  ) then
    insert into private.deleted_indicators (indicator_id)
    values (old.id)
    on conflict (indicator_id) do nothing;
  end if;
  return null;
end;
$$;

comment on function private.note_deleted_indicator() is
  'Trigger function: notes a deleted indicator that components still refer to.';

create trigger indicators_note_deleted
  after delete on public.indicators
  for each row
  execute function private.note_deleted_indicator();

create trigger custom_indicators_note_deleted
  after delete on public.custom_indicators
  for each row
  execute function private.note_deleted_indicator();

revoke all on private.deleted_indicators from public, anon, authenticated, service_role;
revoke all on function private.note_deleted_indicator from public, anon, authenticated, service_role;

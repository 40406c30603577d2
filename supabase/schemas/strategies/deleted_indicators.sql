-- Indicators that were deleted while components referred to them. The request that deletes an indicator writes no
-- rows of other users; the sweep sets their indicator_id to null in batches.
create table private.deleted_indicators (
  indicator_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_indicators is 'Deleted indicators to which components still refer.';

-- Records a deleted indicator that components still refer to. They keep its name. The planner may not read the whole
-- table of components: where few indicators are used, it expects to find a component of this one soon, and would read
-- every row to find that there is none.
create function private.note_deleted_indicator()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- A transaction that links a component holds a lock on the indicator until it is committed, so its component is
  -- visible here.
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

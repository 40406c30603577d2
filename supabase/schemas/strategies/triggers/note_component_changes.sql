-- Runs (500) after after_components_changed() (100) has locked the strategies in the order of their ids: without
-- that, two statements that mark the same strategies could deadlock.
create function private.note_component_changes()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if current_setting('pinebase.unlinking', true) is distinct from 'on' and exists (select from changed) then
    perform private.mark_strategies(array(select distinct c.strategy_id from changed as c));
  end if;
  return null;
end;
$$;

comment on function private.note_component_changes() is
  'Trigger function: marks the strategies whose components were written.';

-- A component that the operator moves to another strategy is missing in the one it leaves.
create function private.note_component_leaves()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.strategies as s
  set updated_at = now()
  where s.id = old.strategy_id;

  perform private.mark_strategies(array[old.strategy_id]);
  return null;
end;
$$;

comment on function private.note_component_leaves() is
  'Trigger function: marks the strategy that a component is moved out of.';

revoke all on function private.note_component_changes, private.note_component_leaves
  from public, anon, authenticated, service_role;

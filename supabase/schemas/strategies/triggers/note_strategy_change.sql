create function private.note_strategy_change()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.mark_strategies(array[new.id]);
  return null;
end;
$$;

comment on function private.note_strategy_change() is
  'Trigger function: marks a strategy whose content was written.';

revoke all on function private.note_strategy_change from public, anon, authenticated, service_role;

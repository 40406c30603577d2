-- Locks a strategy of this owner and tells what it is at. Components that are about to be
-- replaced come first: a client that changes one holds it before it asks for the strategy.
create function private.lock_strategy(
  strategy_id uuid,
  owner_id uuid,
  with_components boolean,
  out current_version integer,
  out is_ai_generated boolean
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if lock_strategy.with_components then
    perform
    from public.strategy_components as c
    where c.strategy_id = lock_strategy.strategy_id
      and c.user_id = lock_strategy.owner_id
    order by c.id
    for no key update;
  end if;

  select s.current_version, s.is_ai_generated
  into current_version, is_ai_generated
  from public.strategies as s
  where s.id = lock_strategy.strategy_id
    and s.user_id = lock_strategy.owner_id
  for no key update;

  if not found then
    perform private.raise_error(
      'strategy_not_found', 'No such strategy of yours: check its id.',
      jsonb_build_object('strategy_id', lock_strategy.strategy_id)
    );
  end if;
end;
$$;

comment on function private.lock_strategy(uuid, uuid, boolean) is
  'Locks a strategy against other writers and tells what it is at; raises strategy_not_found.';

revoke all on function private.lock_strategy from public, anon, authenticated, service_role;

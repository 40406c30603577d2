-- Locks a strategy of this owner against other writers and returns its version; raises strategy_not_found.
-- Components that will be replaced are locked first: a client that changes a component locks it before the strategy.
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
      'strategy_not_found', 'You have no strategy of this id: check the id.',
      jsonb_build_object('strategy_id', lock_strategy.strategy_id)
    );
  end if;
end;
$$;

revoke all on function private.lock_strategy from public, anon, authenticated, service_role;

create function private.get_strategy(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not exists (
    select
    from public.strategies as s
    where s.id = get_strategy.strategy_id
      and (s.is_public or s.user_id = (select private.reader_id()))
  ) then
    perform private.raise_error(
      'strategy_not_found', 'No strategy has this id, or it is not published: check the id.',
      jsonb_build_object('strategy_id', get_strategy.strategy_id)
    );
  end if;
  return private.complete_strategy_document(private.strategy_document(get_strategy.strategy_id));
end;
$$;

create function public.get_strategy(strategy_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.get_strategy(strategy_id);
end;

comment on function public.get_strategy(uuid) is
  'The document of a strategy that is public or the caller''s own, with defaults for the parameters that are left out.';

revoke all on function private.get_strategy, public.get_strategy from public, anon, authenticated, service_role;
grant execute on function private.get_strategy, public.get_strategy to anon, authenticated, service_role;

-- The number of strategies, and of custom indicators, that the plan allows. It is counted after the rows are in, so
-- that row-level security has refused a stranger's row before; the user's row is locked while they are counted, so
-- that two requests at once cannot both add the last one. What a lapsed plan leaves over the limit stays; only the
-- next one is refused. service_role and migrations act for the operator and are not bound.
create function private.hold_to_plan()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_plan public.plans;
  v_limit integer;
  v_count bigint;
begin
  if (select auth.uid()) is null then
    return null;
  end if;

  for v_user_id in
    select distinct a.user_id
    from added as a
    order by a.user_id
  loop
    v_plan := private.plan_of(v_user_id);
    v_limit := case tg_table_name
      when 'strategies' then v_plan.max_strategies
      when 'custom_indicators' then v_plan.max_custom_indicators
    end;
    continue when v_limit is null;

    perform
    from public.users as u
    where u.id = v_user_id
    for no key update;

    v_count := case tg_table_name
      when 'strategies' then (select count(*) from public.strategies as s where s.user_id = v_user_id)
      when 'custom_indicators' then (select count(*) from public.custom_indicators as i where i.user_id = v_user_id)
    end;
    if v_count > v_limit then
      perform private.raise_error(
        'plan_limit_reached',
        format('Delete a %s or change the plan: %s allows %s.', tg_argv[0], v_plan.name, v_limit),
        jsonb_build_object('limit', v_limit, 'plan', v_plan.plan_type)
      );
    end if;
  end loop;
  return null;
end;
$$;

comment on function private.hold_to_plan() is
  'Statement trigger function: holds users to the number of rows that their plan allows in the table. Its argument is what a row is called.';

revoke all on function private.hold_to_plan from public, anon, authenticated, service_role;

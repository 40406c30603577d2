-- Refuses more strategies or custom indicators than the user's plan allows; the trigger's argument is what a row is
-- called. The rows are counted after they are inserted, because row-level security has refused another user's row by
-- then. The user's row is locked while they are counted, so that two requests at once cannot both add the last one.
-- Rows beyond the limit of a plan that has lapsed stay; only the next one is refused. service_role and migrations
-- act for the operator and have no limit.
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

    perform private.lock_account(v_user_id);

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

revoke all on function private.hold_to_plan from public, anon, authenticated, service_role;

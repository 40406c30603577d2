-- Returns the plan whose limits hold for a user now. premium_until alone decides whether they are premium, and the
-- subscription that runs longest decides which premium plan it is. Premium without any subscription has the limits
-- of the monthly plan.
create function private.plan_of(user_id uuid)
returns public.plans
language sql
stable
security definer
set search_path = ''
begin atomic
  select p
  from public.plans as p
  where p.plan_type = case
    when not private.is_premium(plan_of.user_id) then 'free'
    else coalesce(
      (
        select s.plan_type
        from public.subscriptions as s
        join public.plans as sp on sp.plan_type = s.plan_type
        where s.user_id = plan_of.user_id
          and sp.is_premium
        order by s.ended_at is null desc, s.current_period_end desc nulls first, s.created_at desc
        limit 1
      ),
      'premium_monthly'
    )
  end;
end;

revoke all on function private.plan_of from public, anon, authenticated, service_role;

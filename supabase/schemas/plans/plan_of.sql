-- The plan whose limits bind a user now. Whether they are premium is said by
-- premium_until alone; which premium plan it is, by the subscription that runs longest.
-- Premium without any subscription has the monthly plan's limits.
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

comment on function private.plan_of(uuid) is
  'The row of plans whose limits bind this user now: `free` unless premium.';

revoke all on function private.plan_of from public, anon, authenticated, service_role;

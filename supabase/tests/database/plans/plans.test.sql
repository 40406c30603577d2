-- Which plan's limits bind a user: free unless premium, and premium is said by
-- premium_until alone.
begin;

create extension if not exists pgtap with schema extensions;

select plan(9);

insert into auth.users (id, aud, role, email)
values (md5('user')::uuid, 'authenticated', 'authenticated', 'user@plans.test');

create function pg_temp.plan()
returns text
language sql
as $$
  select (private.plan_of(md5('user')::uuid)).plan_type
$$;

select set_eq(
  $$select p.plan_type, p.is_premium, p.is_active from public.plans as p$$,
  $$values ('free', false, true), ('premium_monthly', true, true), ('premium_yearly', true, true)$$,
  'three plans ship'
);
select is_empty(
  $$select p.plan_type from public.plans as p where num_nulls(p.max_strategies, p.max_versions, p.max_custom_indicators) > 0$$,
  'each of them bounds what an account can store'
);
select is(pg_temp.plan(), 'free', 'without a subscription the plan is free');

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end)
values (md5('user')::uuid, 'incomplete', 'stripe', 'sub_plans_1', 'premium_yearly', now() + interval '1 year');
select is(pg_temp.plan(), 'free', 'a subscription that is not entitled does not make premium');

update public.subscriptions set status = 'active' where provider_subscription_id = 'sub_plans_1';
select is(pg_temp.plan(), 'premium_yearly', 'premium, the plan is the subscription''s');

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end, ended_at)
values (md5('user')::uuid, 'canceled', 'stripe', 'sub_plans_2', 'premium_monthly', now() + interval '2 years', now());
select is(pg_temp.plan(), 'premium_yearly', 'a running subscription comes before one that has ended');

insert into public.subscriptions (user_id, status, provider, plan_type)
values (md5('user')::uuid, 'active', 'manual', 'premium_monthly');
select is(pg_temp.plan(), 'premium_monthly', 'the subscription that runs longest counts');

delete from public.subscriptions where user_id = md5('user')::uuid;
update public.users set premium_until = now() + interval '1 year' where id = md5('user')::uuid;
select is(pg_temp.plan(), 'premium_monthly', 'premium without a subscription has the monthly plan''s limits');

update public.users set premium_until = now() where id = md5('user')::uuid;
select is(pg_temp.plan(), 'free', 'premium that is over is free');

select * from finish();

rollback;

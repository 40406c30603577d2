-- The plan whose limits apply to a user: free unless premium_until is in the future.
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
  'every plan that ships limits what an account can store'
);
select is(pg_temp.plan(), 'free', 'a user without a subscription has the free plan');

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end)
values (md5('user')::uuid, 'incomplete', 'stripe', 'sub_plans_1', 'premium_yearly', now() + interval '1 year');
select is(pg_temp.plan(), 'free', 'a subscription that does not entitle leaves the free plan');

update public.subscriptions set status = 'active' where provider_subscription_id = 'sub_plans_1';
select is(pg_temp.plan(), 'premium_yearly', 'a premium user has the plan of the subscription');

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end, ended_at)
values (md5('user')::uuid, 'canceled', 'stripe', 'sub_plans_2', 'premium_monthly', now() + interval '2 years', now());
select is(pg_temp.plan(), 'premium_yearly', 'a running subscription is used before one that has ended');

insert into public.subscriptions (user_id, status, provider, plan_type)
values (md5('user')::uuid, 'active', 'manual', 'premium_monthly');
select is(pg_temp.plan(), 'premium_monthly', 'of two running subscriptions the one that runs longer is used');

delete from public.subscriptions where user_id = md5('user')::uuid;
update public.users set premium_until = now() + interval '1 year' where id = md5('user')::uuid;
select is(pg_temp.plan(), 'premium_monthly', 'a premium user without a subscription has the monthly plan');

update public.users set premium_until = now() where id = md5('user')::uuid;
select is(pg_temp.plan(), 'free', 'a user whose premium has ended has the free plan');

select * from finish();

rollback;

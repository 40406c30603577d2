-- The account as an app shows it: {user, plan, subscription, credits, is_premium, premium_until}; null for an
-- unknown user. The plan is the one whose limits hold now. The subscription is the one that plan_of() would choose,
-- or the last one.
create function private.account_document(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'user', to_jsonb(u) || jsonb_build_object('is_premium', private.is_premium_until(u.premium_until)),
    'plan', to_jsonb(private.plan_of(u.id)),
    'subscription', (
      select to_jsonb(s)
      from public.subscriptions as s
      where s.user_id = u.id
      order by s.ended_at is null desc, s.current_period_end desc nulls first, s.created_at desc
      limit 1
    ),
    'credits', u.credits,
    'is_premium', private.is_premium_until(u.premium_until),
    'premium_until', u.premium_until
  )
  from public.users as u
  where u.id = account_document.user_id;
end;

revoke all on function private.account_document from public, anon, authenticated, service_role;

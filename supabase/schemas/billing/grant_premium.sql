-- A user has at most one manual subscription: granting again changes its end, and an end in the past ends it.
create function private.grant_premium(user_id uuid, plan_type text, until timestamptz, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if not private.lock_account(grant_premium.user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.', jsonb_build_object('user_id', grant_premium.user_id));
  end if;

  if not exists (select from public.plans as p where p.plan_type = grant_premium.plan_type and p.is_premium) then
    perform private.raise_error(
      'invalid_argument', 'Choose a premium plan.', jsonb_build_object('argument', 'plan_type', 'value', grant_premium.plan_type)
    );
  end if;

  if grant_premium.until is null then
    perform private.raise_error('invalid_argument', 'Give the time until which premium is granted.', jsonb_build_object('argument', 'until'));
  end if;

  insert into public.subscriptions as s (
    user_id, status, provider, provider_subscription_id, plan_type, current_period_start, current_period_end, cancel_at
  )
  values (
    grant_premium.user_id,
    'active',
    'manual',
    'manual:' || grant_premium.user_id,
    grant_premium.plan_type,
    grant_premium.as_of,
    grant_premium.until,
    grant_premium.until
  )
  on conflict (provider, provider_subscription_id) do update
    set plan_type = excluded.plan_type,
        current_period_end = excluded.current_period_end,
        cancel_at = excluded.cancel_at,
        ended_at = null,
        revoked_at = null,
        status = 'active';

  return private.account_document(grant_premium.user_id);
end;
$$;

create function public.grant_premium(user_id uuid, plan_type text, until timestamptz)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.grant_premium(user_id, plan_type, until, now());
end;

comment on function public.grant_premium(uuid, text, timestamptz) is
  'Makes a user premium until a time by a subscription of provider manual; returns the account. A time in the past ends it.';

revoke all on function private.grant_premium, public.grant_premium from public, anon, authenticated, service_role;
grant execute on function private.grant_premium, public.grant_premium to service_role;

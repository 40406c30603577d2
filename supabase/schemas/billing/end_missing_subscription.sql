-- Ends a subscription that the provider no longer has: {outcome, reason, user_id}.
create function private.end_missing_subscription(snapshot jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_id uuid;
begin
  update private.known_subscriptions as k
  set closed_at = coalesce(k.closed_at, end_missing_subscription.as_of)
  where k.provider = snapshot ->> 'provider'
    and k.subscription_id = snapshot ->> 'id';

  select s.user_id, s.id
  into v_user_id, v_id
  from public.subscriptions as s
  where s.provider = snapshot ->> 'provider'
    and s.provider_subscription_id = snapshot ->> 'id';

  if v_id is null then
    return jsonb_build_object('outcome', 'ignored', 'reason', 'Neither the provider nor we have this subscription.');
  end if;

  perform private.lock_account(v_user_id);

  update public.subscriptions as s
  set status = 'canceled',
      ended_at = coalesce(s.ended_at, end_missing_subscription.as_of),
      read_number = end_missing_subscription.read_number
  where s.id = v_id
    and s.read_number < end_missing_subscription.read_number;

  perform private.settle_months(v_id, '-infinity', end_missing_subscription.as_of);
  perform private.watch_second_subscription(v_user_id, end_missing_subscription.as_of);
  return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);
end;
$$;

revoke all on function private.end_missing_subscription from public, anon, authenticated, service_role;

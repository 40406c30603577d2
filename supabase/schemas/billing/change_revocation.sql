-- Revokes or reinstates a subscription, and settles its months. The caller holds the lock on the user's row.
create function private.set_revoked(subscription_id uuid, is_revoked boolean, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.subscriptions as s
  set revoked_at = case when set_revoked.is_revoked then set_revoked.as_of end
  where s.id = set_revoked.subscription_id
    and (s.revoked_at is null) = set_revoked.is_revoked;

  if not found then
    return;
  elsif set_revoked.is_revoked then
    insert into private.entitlement_lapses (subscription_id, cause, lapsed_from)
    values (set_revoked.subscription_id, 'revoked', set_revoked.as_of)
    on conflict do nothing;
  else
    update private.entitlement_lapses as l
    set lapsed_until = set_revoked.as_of
    where l.subscription_id = set_revoked.subscription_id
      and l.cause = 'revoked'
      and l.lapsed_until is null;
  end if;

  perform private.settle_months(set_revoked.subscription_id, set_revoked.as_of, set_revoked.as_of);
end;
$$;

-- Revokes a subscription with a reason, or reinstates it; returns the account. An operator overrules the provider: a
-- revoked subscription entitles to nothing until it is reinstated.
create function private.change_revocation(subscription_id uuid, reason text, is_revoked boolean, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  select s.user_id
  into v_user_id
  from public.subscriptions as s
  where s.id = change_revocation.subscription_id;

  if not found then
    perform private.raise_error(
      'invalid_argument', 'No subscription has this id.',
      jsonb_build_object('argument', 'subscription_id', 'value', change_revocation.subscription_id)
    );
  elsif change_revocation.is_revoked and coalesce(btrim(change_revocation.reason), '') = '' then
    perform private.raise_error('invalid_argument', 'Give the reason for revoking it.', '{"argument": "reason"}');
  elsif char_length(change_revocation.reason) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'The reason is too long: shorten it.', '{"argument": "reason", "maximum": 4000}'
    );
  end if;

  perform private.lock_account(v_user_id);

  perform private.set_revoked(change_revocation.subscription_id, change_revocation.is_revoked, change_revocation.as_of);

  if change_revocation.is_revoked then
    update private.entitlement_lapses as l
    set reason = change_revocation.reason
    where l.subscription_id = change_revocation.subscription_id
      and l.cause = 'revoked'
      and l.lapsed_until is null;
  end if;

  return private.account_document(v_user_id);
end;
$$;

create function public.revoke_subscription(subscription_id uuid, reason text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.change_revocation(subscription_id, reason, true, now());
end;

comment on function public.revoke_subscription(uuid, text) is
  'Takes away what a subscription entitles to, whatever the provider reports, until it is reinstated; returns the account.';

create function public.reinstate_subscription(subscription_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.change_revocation(subscription_id, null, false, now());
end;

comment on function public.reinstate_subscription(uuid) is
  'Gives a revoked subscription back what it entitles to; returns the account.';

revoke all on function
  private.set_revoked,
  private.change_revocation,
  public.revoke_subscription,
  public.reinstate_subscription
  from public, anon, authenticated, service_role;
grant execute on function private.change_revocation, public.revoke_subscription, public.reinstate_subscription
  to service_role;

-- Revokes a subscription for which a payment was lost in a dispute, once for each dispute.
create function private.revoke_for_lost_dispute(subscription_id uuid, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_lost record;
begin
  select i.provider, i.incident_id
  into v_lost
  from private.payments as p
  join private.payment_incidents as i
    on i.provider = p.provider
    and i.payment_id = p.payment_id
  where p.subscription_id = revoke_for_lost_dispute.subscription_id
    and i.kind = 'dispute'
    and i.status = 'lost'
    and not i.has_revoked
  limit 1;

  if found then
    update private.payment_incidents as i
    set has_revoked = true
    where i.provider = v_lost.provider
      and i.kind = 'dispute'
      and i.incident_id = v_lost.incident_id;

    perform private.set_revoked(revoke_for_lost_dispute.subscription_id, true, revoke_for_lost_dispute.as_of);
  end if;
end;
$$;

revoke all on function private.revoke_for_lost_dispute from public, anon, authenticated, service_role;

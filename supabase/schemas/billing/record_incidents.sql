-- Records the refunds and disputes of a payment, and flags them.
create function private.record_incidents(
  provider text,
  payment_id text,
  user_id uuid,
  refunds jsonb,
  disputes jsonb,
  read_number bigint,
  as_of timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_incident record;
begin
  for v_incident in
    select
      t.kind, t.incident ->> 'id' as id, (t.incident ->> 'amount')::bigint as amount, lower(t.incident ->> 'currency') as currency,
      lower(t.incident ->> 'status') as status, t.incident ->> 'reason' as reason, (t.incident ->> 'due_at')::timestamptz as due_at,
      coalesce((t.incident ->> 'created_at')::timestamptz, record_incidents.as_of) as created_at,
      (t.incident ->> 'closed_at')::timestamptz as closed_at
    from (
      select 'refund' as kind, r.incident
      from jsonb_array_elements(record_incidents.refunds) as r (incident)
      where jsonb_typeof(record_incidents.refunds) = 'array'
      union all
      select 'dispute', d.incident
      from jsonb_array_elements(record_incidents.disputes) as d (incident)
      where jsonb_typeof(record_incidents.disputes) = 'array'
    ) as t
  loop
    insert into private.payment_incidents as i (
      provider, incident_id, kind, payment_id, user_id, amount, currency, status, reason, due_at, created_at, closed_at, read_number
    )
    values (
      record_incidents.provider, v_incident.id, v_incident.kind, record_incidents.payment_id, record_incidents.user_id,
      coalesce(v_incident.amount, 0), coalesce(v_incident.currency, ''), coalesce(v_incident.status, ''), v_incident.reason,
      v_incident.due_at, v_incident.created_at, v_incident.closed_at, record_incidents.read_number
    )
    on conflict on constraint payment_incidents_pkey do update
      set payment_id = coalesce(excluded.payment_id, i.payment_id),
          user_id = coalesce(excluded.user_id, i.user_id),
          amount = excluded.amount,
          status = excluded.status,
          reason = coalesce(excluded.reason, i.reason),
          due_at = coalesce(excluded.due_at, i.due_at),
          closed_at = coalesce(excluded.closed_at, i.closed_at),
          read_number = excluded.read_number
      where excluded.read_number >= i.read_number;

    if not found then
      continue;
    elsif v_incident.kind = 'dispute' then
      perform private.raise_flag(
        'dispute',
        record_incidents.provider,
        v_incident.id,
        record_incidents.user_id,
        format(
          '%s %s are disputed (%s, %s)%s.',
          v_incident.amount, v_incident.currency, coalesce(v_incident.reason, 'no reason given'), v_incident.status,
          coalesce(', to be answered by ' || to_char(v_incident.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC', '')
        ),
        v_incident.created_at
      );
      if v_incident.status in ('won', 'warning_closed', 'prevented') then
        update private.billing_flags as f
        set resolved_at = record_incidents.as_of
        where f.kind = 'dispute'
          and f.provider = record_incidents.provider
          and f.reference = v_incident.id
          and f.resolved_at is null;
      end if;
    elsif v_incident.status in ('succeeded', 'completed') then
      perform private.raise_flag(
        'refund',
        record_incidents.provider,
        v_incident.id,
        record_incidents.user_id,
        format('%s %s were refunded (%s).', v_incident.amount, v_incident.currency, coalesce(v_incident.reason, 'no reason given')),
        v_incident.created_at
      );
    end if;
  end loop;
end;
$$;

-- Derives from refunds and lost disputes how much of a payment came back, and since when it is refunded in full.
create function private.refresh_refunded(provider text, payment_id text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update private.payments as p
  set refunded = least(p.amount, i.total),
      refunded_at = case when p.amount > 0 and i.refunds >= p.amount then i.last_refund end
  from (
    select
      coalesce(sum(t.amount), 0) as total,
      coalesce(sum(t.amount) filter (where t.kind = 'refund'), 0) as refunds,
      max(t.created_at) filter (where t.kind = 'refund') as last_refund
    from private.payment_incidents as t
    where t.provider = refresh_refunded.provider
      and t.payment_id = refresh_refunded.payment_id
      and (
        (t.kind = 'refund' and t.status in ('succeeded', 'completed'))
        or (t.kind = 'dispute' and t.status = 'lost')
      )
  ) as i
  where p.provider = refresh_refunded.provider
    and p.payment_id = refresh_refunded.payment_id;
end;
$$;

revoke all on function private.record_incidents, private.refresh_refunded
  from public, anon, authenticated, service_role;

-- Returns the seconds since the last sweep, and since the last event of a provider; null for never.
create function private.billing_pulse(as_of timestamptz, out sweep_age_s bigint, out last_webhook_age_s bigint)
returns record
language sql
stable
security definer
set search_path = ''
begin atomic
  select
    (
      select extract(epoch from billing_pulse.as_of - s.swept_at)::bigint
      from private.sweep_state as s
      where s.is_only
    ),
    (
      select extract(epoch from billing_pulse.as_of - max(l.received_at))::bigint
      from unnest(array['stripe', 'paypal']) as p (provider)
      cross join lateral (
        select max(e.received_at) as received_at
        from private.webhook_events as e
        where e.provider = p.provider
      ) as l
    );
end;

revoke all on function private.billing_pulse from public, anon, authenticated, service_role;

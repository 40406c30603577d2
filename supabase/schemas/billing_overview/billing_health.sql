-- What GET health returns to a request with the secret key: {sweep_age_s, last_webhook_age_s, attention}. A monitor
-- calls it often, so the items are counted only up to 100.
create function private.billing_health(as_of timestamptz)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'sweep_age_s', p.sweep_age_s,
    'last_webhook_age_s', p.last_webhook_age_s,
    'attention', (select count(*) from private.attention(billing_health.as_of, '-infinity', '', 100))
  )
  from private.billing_pulse(billing_health.as_of) as p;
end;

create function public.billing_health()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_health(now());
end;

comment on function public.billing_health() is
  'Internal to health. {sweep_age_s, last_webhook_age_s, attention}.';

revoke all on function private.billing_health, public.billing_health from public, anon, authenticated, service_role;
grant execute on function private.billing_health, public.billing_health to service_role;

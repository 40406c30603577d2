-- What GET health answers to a request with the secret key. A monitor asks often, so the number of items is
-- counted up to a hundred.
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

comment on function private.billing_health(timestamptz) is
  'For a monitor: {sweep_age_s, last_webhook_age_s, attention}, attention a number of items up to 100.';

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

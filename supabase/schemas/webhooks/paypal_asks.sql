-- Anybody can post a body to the webhook, and only PayPal can confirm that it sent it. A question to PayPal is
-- counted before it is sent, and subtracted again where the delivery was genuine. So in the end only false
-- deliveries count, and many at once cannot exceed the limit together.
create function private.take_paypal_ask()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- The nil UUID: one limit for all deliveries together.
  return coalesce(
    private.refuse_attempt(
      'paypal_ask', '00000000-0000-0000-0000-000000000000', 60, interval '1 minute',
      'Too many deliveries did not come from PayPal. Send this one again later.'
    ),
    '{"ok": true}'
  );
end;
$$;

-- Subtracts one question from the count, because PayPal did send that delivery.
create function private.return_paypal_ask()
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  update private.attempts as a
  set attempted_at = a.attempted_at[:cardinality(a.attempted_at) - 1]
  where a.user_id = '00000000-0000-0000-0000-000000000000'
    and a.bucket = 'paypal_ask';
end;

create function public.take_paypal_ask()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.take_paypal_ask();
end;

comment on function public.take_paypal_ask() is
  'Internal to paypal-webhook. Counts a question to PayPal: {ok: true} or the error rate_limited.';

create function public.return_paypal_ask()
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.return_paypal_ask();
end;

comment on function public.return_paypal_ask() is
  'Internal to paypal-webhook. Subtracts a question from the count, because the delivery was genuine.';

revoke all on function
  private.take_paypal_ask,
  private.return_paypal_ask,
  public.take_paypal_ask,
  public.return_paypal_ask
  from public, anon, authenticated, service_role;
grant execute on function
  private.take_paypal_ask,
  private.return_paypal_ask,
  public.take_paypal_ask,
  public.return_paypal_ask
  to service_role;

-- How often the billing functions may be called, and who calls them when nobody does.

-- One person could use up what a payment provider allows to all. The functions that ask a
-- provider for a user share one limit.
create function private.take_billing_call(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_wait integer := private.take_attempt('billing_call', take_billing_call.user_id, 20, interval '10 minutes');
begin
  if v_wait is null then
    return jsonb_build_object('ok', true);
  end if;
  return private.error_result(
    'rate_limited',
    'That is too often. Wait, then try again.',
    jsonb_build_object('retry_after', v_wait)
  );
end;
$$;

comment on function private.take_billing_call(uuid) is
  'Counts a call of a user to a billing function, 20 in 10 minutes: {ok: true} or the error.';

-- Anybody can post a body, and only PayPal can say that it did not send it. An ask is counted
-- before it is made, and given back where the delivery was genuine: what counts in the end are the
-- false ones, and many at once cannot pass together.
create function private.take_paypal_ask()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Nobody's id: the limit is one for all.
  v_wait integer := private.take_attempt(
    'paypal_ask', '00000000-0000-0000-0000-000000000000', 60, interval '1 minute'
  );
begin
  if v_wait is null then
    return jsonb_build_object('ok', true);
  end if;
  return private.error_result(
    'rate_limited',
    'Too many deliveries did not come from PayPal. Send this one again later.',
    jsonb_build_object('retry_after', v_wait)
  );
end;
$$;

comment on function private.take_paypal_ask() is
  'Counts a question to PayPal whether it sent a delivery, 60 a minute: {ok: true} or the error.';

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

comment on function private.return_paypal_ask() is
  'Takes one question back from the count: PayPal did send that delivery.';

create function public.take_billing_call(user_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.take_billing_call(take_billing_call.user_id);
end;

comment on function public.take_billing_call(uuid) is
  'Internal to the billing functions. Counts a call of a user: {ok: true} or the error rate_limited.';

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
  'Internal to paypal-webhook. Takes a question back from the count: the delivery was genuine.';

-- Reads everything of the last two days again, once a day: an event that was lost would otherwise be
-- noticed first by its user. Only functions know the keys of the providers, so one of them is
-- called. Its address and the project's secret key are two secrets of Vault; without them, or without
-- pg_net, nothing is called, and npm run billing:reconcile does the same.
create function private.call_reconcile()
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_url text;
  v_key text;
begin
  select s.decrypted_secret into v_url from vault.decrypted_secrets as s where s.name = 'functions_url';
  select s.decrypted_secret into v_key from vault.decrypted_secrets as s where s.name = 'functions_secret_key';

  if v_url is null
    or v_key is null
    or not exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_net')
  then
    return false;
  end if;

  perform net.http_post(
    url => rtrim(v_url, '/') || '/sync-subscription',
    headers => jsonb_build_object('apikey', v_key, 'content-type', 'application/json'),
    body => jsonb_build_object(
      'since', to_char((now() - interval '2 days') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ),
    timeout_milliseconds => 150000
  );
  return true;
end;
$$;

comment on function private.call_reconcile() is
  'Asks sync-subscription to read everything of the last two days again; false where Vault does not say where it is.';

do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-reconcile', '37 3 * * *', 'select private.call_reconcile()');
  end if;
end;
$$;

revoke all on function
  private.take_billing_call, private.take_paypal_ask, private.return_paypal_ask, private.call_reconcile,
  public.take_billing_call, public.take_paypal_ask, public.return_paypal_ask
from public, anon, authenticated, service_role;
grant execute on function
  private.take_billing_call, private.take_paypal_ask, private.return_paypal_ask,
  public.take_billing_call, public.take_paypal_ask, public.return_paypal_ask
to service_role;

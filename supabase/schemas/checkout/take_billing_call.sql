-- The functions that call a payment provider for a user share one limit, 20 calls in 10 minutes. Otherwise one user
-- could use up what the provider allows to all of them.
create function private.take_billing_call(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  return coalesce(
    private.refuse_attempt(
      'billing_call', take_billing_call.user_id, 20, interval '10 minutes', 'That is too often. Wait, then try again.'
    ),
    '{"ok": true}'
  );
end;
$$;

create function public.take_billing_call(user_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.take_billing_call(user_id);
end;

comment on function public.take_billing_call(uuid) is
  'Internal to the billing functions. Counts a call of a user: {ok: true} or the error rate_limited.';

revoke all on function private.take_billing_call, public.take_billing_call
  from public, anon, authenticated, service_role;
grant execute on function private.take_billing_call, public.take_billing_call to service_role;

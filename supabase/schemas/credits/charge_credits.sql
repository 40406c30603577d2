create function private.charge_credits(user_id uuid, amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_credit_arguments(
    charge_credits.amount, charge_credits.reason, charge_credits.idempotency_key
  );

  return private.change_credits_of(
    charge_credits.user_id, 'consume', -charge_credits.amount, charge_credits.reason, charge_credits.idempotency_key
  );
end;
$$;

create function public.charge_credits(
  user_id uuid,
  amount integer,
  reason text default null,
  idempotency_key text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.charge_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.charge_credits(uuid, integer, text, text) is
  'Takes credits of a user for work that the system is about to do: {balance, transaction_id, replayed}. Only a charge with a key can be given back by refund_credits().';

revoke all on function private.charge_credits, public.charge_credits from public, anon, authenticated, service_role;
grant execute on function private.charge_credits, public.charge_credits to service_role;

-- Spends credits in the name of the signed-in user. The idempotency key is stored without a prefix.
create function private.consume_credits(amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true);
  v_receipt jsonb;
begin
  perform private.check_credit_arguments(
    consume_credits.amount, consume_credits.reason, consume_credits.idempotency_key
  );

  v_receipt := private.change_credits(
    v_user_id, 'consume', -consume_credits.amount, consume_credits.reason, consume_credits.idempotency_key
  );

  if v_receipt is null then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  return v_receipt;
end;
$$;

create function public.consume_credits(amount integer, reason text default null, idempotency_key text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.consume_credits(amount, reason, idempotency_key);
end;

comment on function public.consume_credits(integer, text, text) is
  'Spends credits of the signed-in user: {balance, transaction_id, replayed}. A repeat with the same key returns the first result; without a key every call counts.';

revoke all on function private.consume_credits, public.consume_credits from public, anon, authenticated, service_role;
grant execute on function private.consume_credits, public.consume_credits to authenticated;

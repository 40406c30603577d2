create function private.grant_credits(user_id uuid, amount integer, reason text, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_credit_arguments(
    grant_credits.amount, grant_credits.reason, grant_credits.idempotency_key
  );

  return private.change_credits_of(
    grant_credits.user_id, 'grant', grant_credits.amount, grant_credits.reason, grant_credits.idempotency_key
  );
end;
$$;

create function public.grant_credits(
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
  select private.grant_credits(user_id, amount, reason, idempotency_key);
end;

comment on function public.grant_credits(uuid, integer, text, text) is
  'Gives a user credits: {balance, transaction_id, replayed}. A repeat with the same key returns the first result; without a key every call counts.';

revoke all on function private.grant_credits, public.grant_credits from public, anon, authenticated, service_role;
grant execute on function private.grant_credits, public.grant_credits to service_role;

-- What the operator does with a user's credits. A ':' is in every key stored here and in none
-- that a user can send: nobody can use up a key before the system does, and a refund
-- finds the system's own charge or nothing. So the recipe of paid work is charge,
-- work, keep the result, and refund where that fails; a refund after a charge that was
-- never made gives nothing away.
create function private.change_credits_of(
  user_id uuid,
  kind text,
  delta integer,
  reason text,
  idempotency_key text,
  refund_of bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_key text := 'service:' || change_credits_of.idempotency_key;
  v_receipt jsonb;
begin
  if change_credits_of.user_id is null then
    perform private.raise_error('invalid_argument', 'Name the user whose credits are meant.', '{"argument": "user_id"}');
  end if;

  v_receipt := private.change_credits(
    change_credits_of.user_id,
    change_credits_of.kind,
    change_credits_of.delta,
    change_credits_of.reason,
    v_key,
    change_credits_of.refund_of
  );

  if v_receipt is null then
    perform private.raise_error('user_not_found', 'No account has this id.');
  end if;

  return v_receipt;
end;
$$;

comment on function private.change_credits_of(uuid, text, integer, text, text, bigint) is
  'change_credits() in the operator''s name, under keys that no user can send. Refuses a user without an account.';

revoke all on function private.change_credits_of from public, anon, authenticated, service_role;

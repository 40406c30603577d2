-- Changes credits in the name of the operator. Each key is stored with the prefix 'service:', and no user can send a
-- ':', so nobody can use up a key before the system does, and a refund finds the system's own charge or none. Paid
-- work is therefore: charge, work, keep the result, and refund if the work failed. A refund after a charge that was
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
    perform private.raise_error('invalid_argument', 'user_id must be the id of a user.', '{"argument": "user_id"}');
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

revoke all on function private.change_credits_of from public, anon, authenticated, service_role;

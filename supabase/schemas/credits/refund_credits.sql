-- A charge is found by its key and never changes, so it can be read before anything is locked. The unique refund_of
-- ensures that it is refunded once.
create function private.refund_credits(user_id uuid, idempotency_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_charge record;
  v_receipt jsonb;
begin
  select t.id, t.delta, t.reason
  into v_charge
  from public.credit_transactions as t
  where t.user_id = refund_credits.user_id
    and t.kind = 'consume'
    and t.idempotency_key = 'service:' || refund_credits.idempotency_key;

  if not found then
    if refund_credits.user_id is null then
      perform private.raise_error('invalid_argument', 'user_id must be the id of a user.', '{"argument": "user_id"}');
    elsif not exists (select from public.users as u where u.id = refund_credits.user_id) then
      perform private.raise_error('user_not_found', 'No account has this id.');
    end if;

    -- A charge that has been refunded is in the archive together with its refund.
    select jsonb_build_object('balance', a.balance_after, 'transaction_id', a.transaction_id, 'replayed', true)
    into v_receipt
    from private.archived_credit_keys as a
    where a.user_id = refund_credits.user_id
      and a.key_hash = private.credit_key_hash('refund', 'service:' || refund_credits.idempotency_key);

    if found then
      return v_receipt;
    end if;

    perform private.raise_error(
      'invalid_argument',
      'No charge of this user in the last year has this key: give the key of a charge_credits call.',
      '{"argument": "idempotency_key"}'
    );
  end if;

  return private.change_credits_of(
    refund_credits.user_id, 'refund', -v_charge.delta, v_charge.reason, refund_credits.idempotency_key, v_charge.id
  );
end;
$$;

create function public.refund_credits(user_id uuid, idempotency_key text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.refund_credits(user_id, idempotency_key);
end;

comment on function public.refund_credits(uuid, text) is
  'Gives back what charge_credits() took under this key, once: {balance, transaction_id, replayed}. It does not give back what a user spent by consume_credits().';

revoke all on function private.refund_credits, public.refund_credits from public, anon, authenticated, service_role;
grant execute on function private.refund_credits, public.refund_credits to service_role;

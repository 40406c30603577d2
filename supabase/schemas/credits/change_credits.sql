-- Changes a balance together with its ledger: {balance, transaction_id, replayed}. An idempotency key counts once
-- per user and kind. Returns null for a user who can have no account: each caller raises its own error.
--
-- The update locks the account, so two requests with one key can only meet at the insert: its unique key refuses the
-- second, the block undoes that one's update, and the first result is returned again. Nothing is looked up before,
-- because it could be out of date when it is used.
create function private.change_credits(
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
  v_balance integer;
  v_transaction_id bigint;
  v_first record;
begin
  begin
    update public.users as u
    set credits = u.credits + change_credits.delta
    where u.id = change_credits.user_id
      and u.credits::bigint + change_credits.delta between 0 and 2147483647
    returning u.credits into v_balance;

    if found then
      -- Archiving takes the same lock on the account, so no key can move to the archive between this check and the
      -- insert.
      if exists (
        select
        from private.archived_credit_keys as a
        where a.user_id = change_credits.user_id
          and a.key_hash = private.credit_key_hash(change_credits.kind, change_credits.idempotency_key)
      ) then
        raise unique_violation;
      end if;

      insert into public.credit_transactions as t
        (user_id, kind, delta, balance_after, reason, idempotency_key, refund_of)
      values (
        change_credits.user_id,
        change_credits.kind,
        change_credits.delta,
        v_balance,
        change_credits.reason,
        change_credits.idempotency_key,
        change_credits.refund_of
      )
      returning t.id into v_transaction_id;

      return jsonb_build_object('balance', v_balance, 'transaction_id', v_transaction_id, 'replayed', false);
    end if;
  exception
    when unique_violation then
      null;
  end;

  -- Either this is a repeat, or there are too few credits, perhaps because this very key has spent them.
  select
    t.id,
    t.balance_after,
    t.delta is distinct from change_credits.delta
      or t.reason is distinct from change_credits.reason
      or exists (
        select
        from public.credit_transactions as r
        where r.refund_of = t.id
      ) as is_something_else
  into v_first
  from public.credit_transactions as t
  where t.user_id = change_credits.user_id
    and t.kind = change_credits.kind
    and t.idempotency_key = change_credits.idempotency_key
  union all
  select
    a.transaction_id,
    a.balance_after,
    a.request_hash is distinct from private.credit_request_hash(change_credits.delta, change_credits.reason)
  from private.archived_credit_keys as a
  where a.user_id = change_credits.user_id
    and a.key_hash = private.credit_key_hash(change_credits.kind, change_credits.idempotency_key);

  if found then
    if v_first.is_something_else then
      perform private.raise_error(
        'idempotency_key_reused',
        'This idempotency key was used with another amount or reason, or was refunded: use a new one.',
        jsonb_build_object('transaction_id', v_first.id)
      );
    end if;

    return jsonb_build_object('balance', v_first.balance_after, 'transaction_id', v_first.id, 'replayed', true);
  end if;

  select u.credits
  into v_balance
  from public.users as u
  where u.id = change_credits.user_id;

  if not found then
    -- Perhaps the account could not be created when the user signed up: create it now, and make the change again.
    perform private.ensure_account(change_credits.user_id);
    perform from public.users as u where u.id = change_credits.user_id;
    return case
      when found then private.change_credits(
        change_credits.user_id,
        change_credits.kind,
        change_credits.delta,
        change_credits.reason,
        change_credits.idempotency_key,
        change_credits.refund_of
      )
    end;
  elsif change_credits.delta < 0 then
    perform private.raise_error(
      'insufficient_credits',
      'There are not enough credits: buy or wait for more, or spend fewer.',
      jsonb_build_object('balance', v_balance, 'amount', -change_credits.delta)
    );
  end if;

  perform private.raise_error(
    'invalid_argument',
    'The balance cannot hold so many credits: give fewer.',
    jsonb_build_object('argument', 'amount', 'maximum', 2147483647 - v_balance)
  );
end;
$$;

revoke all on function private.change_credits from public, anon, authenticated, service_role;

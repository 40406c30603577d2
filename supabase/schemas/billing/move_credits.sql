-- Changes a balance together with its ledger, and returns the change that was made. The caller holds the lock on the
-- user's row and knows that this change is new, so no unique key has to refuse it. A balance that cannot hold all
-- credits takes what fits, because one such account must not stop the others.
create function private.move_credits(
  user_id uuid,
  kind text,
  delta integer,
  reason text,
  idempotency_key text,
  as_of timestamptz
)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_before integer;
  v_after integer;
begin
  select u.credits
  into v_before
  from public.users as u
  where u.id = move_credits.user_id;

  v_after := least(greatest(v_before::bigint + move_credits.delta, 0), 2147483647);

  if v_after <> v_before then
    update public.users as u
    set credits = v_after
    where u.id = move_credits.user_id;

    insert into public.credit_transactions (user_id, kind, delta, balance_after, reason, idempotency_key)
    values (
      move_credits.user_id,
      move_credits.kind,
      v_after - v_before,
      v_after,
      move_credits.reason,
      move_credits.idempotency_key
    );
  end if;

  if v_after - v_before < move_credits.delta then
    perform private.raise_flag(
      'credits_overflow',
      '',
      move_credits.idempotency_key,
      move_credits.user_id,
      format('The balance could hold only %s of %s credits.', v_after - v_before, move_credits.delta),
      move_credits.as_of
    );
  end if;

  return v_after - v_before;
end;
$$;

revoke all on function private.move_credits from public, anon, authenticated, service_role;

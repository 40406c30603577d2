-- Moves ledger rows of one user that are older than `before` into the archive, max_rows at most, and returns how
-- many. The oldest go first, so that the archived sum and the remaining rows still add up. The newest row stays,
-- because it carries the balance. A charge and its refund are archived together.
create function private.archive_credits(user_id uuid, before timestamptz, max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_last_id bigint;
  v_rows integer;
begin
  -- An account that is locked, because its user is spending, is left for a later run.
  perform
  from public.users as u
  where u.id = archive_credits.user_id
  for no key update skip locked;

  if not found then
    return 0;
  end if;

  select max(o.id)
  into v_last_id
  from (
    select t.id, t.created_at, lead(t.id) over (order by t.id) as next_id
    from public.credit_transactions as t
    where t.user_id = archive_credits.user_id
    order by t.id
    limit archive_credits.max_rows
  ) as o
  where o.created_at < archive_credits.before
    and o.next_id is not null;

  v_last_id := least(
    v_last_id,
    (
      select min(r.refund_of) - 1
      from public.credit_transactions as r
      where r.user_id = archive_credits.user_id
        and r.id > v_last_id
        and r.refund_of <= v_last_id
    )
  );

  insert into private.archived_credit_keys (user_id, key_hash, request_hash, transaction_id, balance_after)
  select
    t.user_id,
    private.credit_key_hash(t.kind, t.idempotency_key),
    case when r.id is null then private.credit_request_hash(t.delta, t.reason) end,
    t.id,
    t.balance_after
  from public.credit_transactions as t
  left join public.credit_transactions as r on r.refund_of = t.id
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id
    and t.idempotency_key is not null;

  insert into private.archived_credits as a (user_id, kind, transactions, delta)
  select t.user_id, t.kind, count(*), sum(t.delta)
  from public.credit_transactions as t
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id
  group by t.user_id, t.kind
  on conflict on constraint archived_credits_pkey do update
    set transactions = a.transactions + excluded.transactions,
        delta = a.delta + excluded.delta;

  insert into private.archived_rows as a (user_id, source, last_id)
  select archive_credits.user_id, 'credit_transactions', v_last_id
  where v_last_id is not null
  on conflict on constraint archived_rows_pkey do update
    set last_id = greatest(a.last_id, excluded.last_id);

  delete from public.credit_transactions as t
  where t.user_id = archive_credits.user_id
    and t.id <= v_last_id;
  get diagnostics v_rows = row_count;

  return v_rows;
end;
$$;

revoke all on function private.archive_credits from public, anon, authenticated, service_role;

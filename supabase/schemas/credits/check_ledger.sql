-- Finds the users, or checks the one user, whose balance is not the sum of their ledger or whose ledger does not add
-- up row by row. It is one statement, so writes at the same time cannot make it see a difference. It is in plpgsql,
-- which plans with the argument's value: a check of one user reads that user's rows alone.
create function private.check_ledger(user_id uuid default null)
returns table (account_id uuid, credits integer, ledger_sum bigint, ledger_balance integer, broken_rows bigint)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
  select
    u.id,
    u.credits,
    coalesce(l.ledger_sum, 0)::bigint,
    l.ledger_balance::integer,
    coalesce(l.broken_rows, 0)
  from public.users as u
  left join (
    select
      t.user_id,
      sum(t.delta) as ledger_sum,
      max(t.balance_after) filter (where t.is_last) as ledger_balance,
      count(*) filter (where t.balance_after <> t.running_sum) as broken_rows
    from (
      select
        c.user_id,
        c.delta,
        c.balance_after,
        sum(c.delta) over (partition by c.user_id order by c.id) as running_sum,
        lead(c.id) over (partition by c.user_id order by c.id) is null as is_last
      from (
        select r.user_id, r.id, r.delta, r.balance_after
        from public.credit_transactions as r
        union all
        -- The archived sum counts as a row before the first row of the ledger.
        select a.user_id, 0, sum(a.delta), sum(a.delta)
        from private.archived_credits as a
        group by a.user_id
      ) as c
      -- A range, because with `or check_ledger.user_id is null` a check of one user would read every row.
      where c.user_id between coalesce(check_ledger.user_id, '00000000-0000-0000-0000-000000000000')
        and coalesce(check_ledger.user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ) as t
    group by t.user_id
  ) as l on l.user_id = u.id
  where u.id between coalesce(check_ledger.user_id, '00000000-0000-0000-0000-000000000000')
      and coalesce(check_ledger.user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    and (
      l.ledger_sum is distinct from u.credits
      or l.ledger_balance is distinct from u.credits
      or l.broken_rows > 0
    );
end;
$$;

revoke all on function private.check_ledger from public, anon, authenticated, service_role;

-- Compares the ledger rows that were added since the last check with the rows before them and with the balance, and
-- adds up the whole ledger of a slice of all accounts. Returns the accounts that disagree. They are flagged and not
-- corrected, because nothing here can decide which side is right.
create function private.sweep_ledger(max_rows integer, max_users integer, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_state private.sweep_state;
  v_upto bigint;
  v_last_user uuid;
  v_found jsonb;
begin
  select s.*
  into v_state
  from private.sweep_state as s
  where s.is_only
  for update;

  select max(n.id)
  into v_upto
  from (
    select t.id
    from public.credit_transactions as t
    where t.id > v_state.ledger_id
    order by t.id
    limit sweep_ledger.max_rows
  ) as n;

  select max(n.id::text)::uuid
  into v_last_user
  from (
    select u.id
    from public.users as u
    where u.id > v_state.user_id
    order by u.id
    limit sweep_ledger.max_users
  ) as n;

  -- One statement sees one point in time, so writes at the same time cause no false difference.
  select jsonb_agg(jsonb_build_object('account_id', d.account_id, 'credits', d.credits, 'ledger_balance', d.ledger_balance))
  into v_found
  from (
    select m.user_id as account_id, u.credits, l.balance_after as ledger_balance
    from (
      select
        t.user_id,
        bool_or(
          t.balance_after <> t.delta + coalesce(
            (
              select b.balance_after
              from public.credit_transactions as b
              where b.user_id = t.user_id
                and b.id < t.id
              order by b.id desc
              limit 1
            ),
            (
              select sum(a.delta)
              from private.archived_credits as a
              where a.user_id = t.user_id
            ),
            0
          )
        ) as is_broken
      from public.credit_transactions as t
      where t.id > v_state.ledger_id
        and t.id <= v_upto
      group by t.user_id
    ) as m
    join public.users as u on u.id = m.user_id
    cross join lateral (
      select b.balance_after
      from public.credit_transactions as b
      where b.user_id = m.user_id
      order by b.id desc
      limit 1
    ) as l
    where m.is_broken
      or l.balance_after <> u.credits
    union
    select u.id, u.credits, l.ledger_balance
    from public.users as u
    cross join lateral (
      select
        sum(t.delta) + coalesce(
          (
            select sum(a.delta)
            from private.archived_credits as a
            where a.user_id = u.id
          ),
          0
        ) as ledger_sum,
        (array_agg(t.balance_after order by t.id desc))[1] as ledger_balance
      from public.credit_transactions as t
      where t.user_id = u.id
    ) as l
    where u.id > v_state.user_id
      and u.id <= v_last_user
      and (l.ledger_sum is distinct from u.credits or l.ledger_balance is distinct from u.credits)
  ) as d;

  update private.sweep_state as s
  set ledger_id = coalesce(v_upto, s.ledger_id),
      -- After the last account, the next run starts from the beginning.
      user_id = coalesce(v_last_user, '00000000-0000-0000-0000-000000000000'),
      swept_at = sweep_ledger.as_of
  where s.is_only;

  -- The flag of an account that agrees again is resolved.
  update private.billing_flags as f
  set resolved_at = sweep_ledger.as_of
  where f.kind = 'ledger_disagreement'
    and f.resolved_at is null
    and not exists (select from private.check_ledger(f.user_id));

  if v_found is not null then
    raise warning 'ledger and balance disagree: %', v_found;
    perform private.raise_flag(
      'ledger_disagreement', '', f.account ->> 'account_id', (f.account ->> 'account_id')::uuid,
      format('The balance is %s, and by the ledger it is %s.', f.account ->> 'credits', f.account ->> 'ledger_balance'), sweep_ledger.as_of, true
    )
    from jsonb_array_elements(v_found) as f (account);
  end if;

  return coalesce(v_found, '[]');
end;
$$;

revoke all on function private.sweep_ledger from public, anon, authenticated, service_role;

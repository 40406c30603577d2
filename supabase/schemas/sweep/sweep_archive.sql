-- The ledger and the audit trail keep a year. Once the oldest row of an account is thirteen months old, its rows
-- that are older than twelve months are archived, so each account is due about once a month. Accounts are checked in
-- turn, max_users at most, until max_rows rows are archived. Returns the number of rows.
create function private.sweep_archive(max_rows integer, max_users integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Rows have the time of the clock, so they are compared with the clock and not with the sweep's as_of.
  v_due timestamptz := now() - interval '13 months';
  v_before timestamptz := now() - interval '12 months';
  v_user record;
  v_rows integer := 0;
  v_last_user uuid;
begin
  for v_user in
    select
      u.id,
      exists (
        select
        from (
          select t.created_at, lead(t.id) over (order by t.id) as next_id
          from public.credit_transactions as t
          where t.user_id = u.id
          order by t.id
          limit 2
        ) as oldest
        where oldest.created_at < v_due
          and oldest.next_id is not null
      ) as has_credits,
      exists (
        select
        from (
          select t.created_at
          from public.api_key_events as t
          where t.user_id = u.id
          order by t.id
          limit 1
        ) as oldest
        where oldest.created_at < v_due
      ) as has_events
    from (
      select n.id
      from public.users as n
      cross join private.sweep_state as s
      where n.id > s.archive_user_id
      order by n.id
      limit sweep_archive.max_users
    ) as u
    order by u.id
  loop
    begin
      if v_user.has_credits then
        v_rows := v_rows + private.archive_credits(v_user.id, v_before, sweep_archive.max_rows - v_rows);
      end if;
      if v_user.has_events and v_rows < sweep_archive.max_rows then
        v_rows := v_rows + private.archive_key_events(v_user.id, v_before, sweep_archive.max_rows - v_rows);
      end if;
    exception
      when others then
        raise warning 'the rows of account % could not be archived: % (%)', v_user.id, sqlerrm, sqlstate;
    end;
    -- All due rows of this account are archived, so the next run begins after it.
    exit when v_rows >= sweep_archive.max_rows;
    v_last_user := v_user.id;
  end loop;

  update private.sweep_state as s
  set archive_user_id = coalesce(
    v_last_user,
    -- After the last account, the next run starts from the beginning.
    case when v_rows = 0 then '00000000-0000-0000-0000-000000000000' else s.archive_user_id end
  )
  where s.is_only;

  return v_rows;
end;
$$;

revoke all on function private.sweep_archive from public, anon, authenticated, service_role;

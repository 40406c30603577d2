-- Marks strategies as changed by this transaction. Their rows are locked by the caller.
-- A second change of one transaction finds the mark and writes nothing.
create function private.mark_strategies(strategy_ids uuid[])
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- A strategy that is being deleted is not there any more, and one whose owner is being
  -- deleted is about to go too.
  insert into private.strategy_histories as h (strategy_id, changed_in)
  select s.id, pg_current_xact_id()
  from public.strategies as s
  where s.id = any (mark_strategies.strategy_ids)
    and exists (select from public.users as u where u.id = s.user_id)
  order by s.id
  on conflict (strategy_id) do update
    set changed_in = excluded.changed_in,
        is_settled = false,
        written_version = case h.changed_in when excluded.changed_in then h.written_version end
    where h.is_settled
      or h.changed_in <> excluded.changed_in;
end;
$$;

comment on function private.mark_strategies(uuid[]) is
  'Marks strategies as changed by the current transaction, so that their versions are written at commit.';

revoke all on function private.mark_strategies from public, anon, authenticated, service_role;

-- Sends each change of a user's own rows to the private topic `user:<id>`, in the transaction that makes it.
-- Realtime owns the schema `realtime` and a project may lack it, so nothing here depends on it to exist.
--
-- A message has the form of Realtime's own broadcast_changes: the event is the operation, and the payload is
-- {schema, table, operation, record, old_record}. A record holds the ids of the row and the columns that have
-- changed; the record of a deleted row holds the ids alone. The user may read every column of these tables.
create function private.broadcast_change()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_new jsonb := to_jsonb(new);
  v_old jsonb := to_jsonb(old);
  v_row jsonb := coalesce(v_new, v_old);
  v_user_id text := coalesce(v_row ->> 'user_id', v_row ->> 'id');
  v_ids jsonb := jsonb_strip_nulls(jsonb_build_object('id', v_row -> 'id', 'user_id', v_row -> 'user_id'));
  v_changed jsonb;
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return null;
  end if;

  if tg_op = 'DELETE' then
    -- The rows of a deleted account are deleted with it, and one message about the account is enough.
    if tg_table_name <> 'users' and not exists (select from public.users as u where u.id = v_user_id::uuid) then
      return null;
    end if;
  else
    select jsonb_object_agg(n.key, n.value)
    into v_changed
    from jsonb_each(v_new) as n
    where n.value is distinct from v_old -> n.key;

    if v_changed is null then
      return null;
    end if;
  end if;

  -- A message that cannot be sent must not undo the write. Realtime's send() catches its own errors, but a
  -- missing privilege to call it raises here.
  begin
    perform realtime.send(
      jsonb_build_object(
        'schema', tg_table_schema,
        'table', tg_table_name,
        'operation', tg_op,
        'record', v_ids || v_changed,
        'old_record', case when tg_op <> 'INSERT' then v_ids end
      ),
      tg_op,
      'user:' || v_user_id,
      true
    );
  exception
    when others then
      raise warning 'The change of %.% was not broadcast: %', tg_table_schema, tg_table_name, sqlerrm;
  end;
  return null;
end;
$$;

create trigger users_broadcast_changes
  after insert or update or delete on public.users
  for each row
  execute function private.broadcast_change();

create trigger strategies_broadcast_changes
  after insert or update or delete on public.strategies
  for each row
  execute function private.broadcast_change();

create trigger subscriptions_broadcast_changes
  after insert or update or delete on public.subscriptions
  for each row
  execute function private.broadcast_change();

-- Ledger rows are only inserted.
create trigger credit_transactions_broadcast_changes
  after insert on public.credit_transactions
  for each row
  execute function private.broadcast_change();

revoke all on function private.broadcast_change from public, anon, authenticated, service_role;

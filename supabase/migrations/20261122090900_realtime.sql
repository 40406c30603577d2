-- Made from supabase/schemas/realtime/ by `npm run db:diff -- --first`: change it there.

-- Creates the policy by which users receive their own Realtime topic and no other, and returns whether it exists. An
-- operator calls it again on a project that gets Realtime later. Both the topic that is joined and the topic of the
-- message are compared: a policy on the joined topic alone would show every message to a reader of the table.
create function private.allow_broadcasts()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if
    to_regclass('realtime.messages') is null
    or to_regprocedure('realtime.topic()') is null
    or to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null
  then
    raise notice 'Realtime is not set up here, so changes are not broadcast. Run select private.allow_broadcasts() when it is.';
    return false;
  end if;

  create policy "users receive their own topic"
    on realtime.messages
    for select
    to authenticated
    using (
      extension = 'broadcast'
      and topic = 'user:' || (select auth.uid())::text
      and topic = (select realtime.topic())
      and (select private.session_is_trusted())
    );
  return true;
exception
  when duplicate_object then
    return true;
  when insufficient_privilege or undefined_column then
    raise notice 'Nobody receives broadcasts, because the policy on realtime.messages could not be created: %', sqlerrm;
    return false;
end;
$$;

revoke all on function private.allow_broadcasts from public, anon, authenticated, service_role;

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

-- Whether the caller may add a file to strategy-exports. The plan limits the files of an account like its rows: at
-- most one file for each version that it keeps, and in total at most what those versions may take, 128 KiB each.
-- Storage writes the size of a file after it has arrived. So the last file, or several that arrive at once, may
-- exceed the total, each by as much as the bucket allows for one file.
create function private.has_room_for_exports()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_plan public.plans := private.plan_of(auth.uid());
  v_max_files bigint := v_plan.max_strategies::bigint * v_plan.max_versions;
  v_files bigint;
  v_bytes numeric;
begin
  -- "0" is the byte after "/", so this is the range of all names in the user's folder.
  select count(*), coalesce(sum((o.metadata ->> 'size')::bigint), 0)
  into v_files, v_bytes
  from storage.objects as o
  where o.bucket_id = 'strategy-exports'
    and o.name ~>=~ (auth.uid() || '/')
    and o.name ~<~ (auth.uid() || '0');

  return v_max_files is null or (v_files < v_max_files and v_bytes < v_max_files * 131072);
end;
$$;

create policy "users read their own strategy exports"
  on storage.objects
  for select
  to authenticated
  using (
    bucket_id = 'strategy-exports'
    and (storage.foldername(name))[1] = (select auth.uid())::text
    and (select private.session_is_trusted())
  );

create policy "users write strategy exports of their own"
  on storage.objects
  for insert
  to authenticated
  with check (
    bucket_id = 'strategy-exports'
    and (storage.foldername(name))[1] = (select auth.uid())::text
    and (select private.session_is_trusted())
    and (select private.has_room_for_exports())
  );

create policy "users replace their own strategy exports"
  on storage.objects
  for update
  to authenticated
  using (
    bucket_id = 'strategy-exports'
    and (storage.foldername(name))[1] = (select auth.uid())::text
    and (select private.session_is_trusted())
  )
  with check (
    bucket_id = 'strategy-exports'
    and (storage.foldername(name))[1] = (select auth.uid())::text
    and (select private.session_is_trusted())
    and (select private.has_room_for_exports())
  );

create policy "users delete their own strategy exports"
  on storage.objects
  for delete
  to authenticated
  using (
    bucket_id = 'strategy-exports'
    and (storage.foldername(name))[1] = (select auth.uid())::text
    and (select private.session_is_trusted())
  );

revoke all on function private.has_room_for_exports from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.has_room_for_exports to authenticated;

select private.allow_broadcasts();

-- A private bucket for exports with one folder per user, named by the user's id.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'strategy-exports',
  'strategy-exports',
  false,
  10485760, -- 10 MiB
  array['application/json', 'text/csv', 'text/plain', 'image/png']
)
on conflict (id) do update
  set public = excluded.public,
      file_size_limit = excluded.file_size_limit,
      allowed_mime_types = excluded.allowed_mime_types;

-- Adds the tables whose changes an app shows as they happen; row-level security decides who receives which row. The
-- publication belongs to the project and other tables may be in it, so it is altered and never recreated. A
-- publication for all tables contains these already.
do $$
begin
  if not (select p.puballtables from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.users, public.strategies, public.subscriptions, public.credit_transactions;
  end if;
end;
$$;

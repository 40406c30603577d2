-- Rolls back realtime and storage. A bucket that holds files stays, or the files would be lost. Storage refuses deletes
-- by SQL without this setting.
set local storage.allow_delete_query = 'true';

delete from storage.buckets as b
where b.id = 'strategy-exports'
  and not exists (
    select
    from storage.objects as o
    where o.bucket_id = b.id
  );

do $$
begin
  if not (select p.puballtables from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      drop table public.users, public.strategies, public.subscriptions, public.credit_transactions;
  end if;
end;
$$;

-- The project may have no Realtime any more.
do $$
begin
  if to_regclass('realtime.messages') is not null then
    drop policy if exists "users receive their own topic" on realtime.messages;
  end if;
end;
$$;

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop policy "users delete their own strategy exports" on storage.objects;
drop policy "users replace their own strategy exports" on storage.objects;
drop policy "users write strategy exports of their own" on storage.objects;
drop policy "users read their own strategy exports" on storage.objects;
drop function private.has_room_for_exports();
drop trigger credit_transactions_broadcast_changes on public.credit_transactions;
drop trigger subscriptions_broadcast_changes on public.subscriptions;
drop trigger strategies_broadcast_changes on public.strategies;
drop trigger users_broadcast_changes on public.users;
drop function private.broadcast_change();
drop function private.allow_broadcasts();

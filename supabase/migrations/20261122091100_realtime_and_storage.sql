-- Realtime: the tables whose changes an app shows as they happen. Row-level security
-- decides who hears of which row. The publication is the project's, so it is altered
-- and never recreated: other tables may be in it. One that is for all tables holds these already.
do $$
begin
  if not (select p.puballtables from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.users, public.strategies, public.subscriptions, public.credit_transactions;
  end if;
end;
$$;

-- Storage: a private bucket for exports, one folder per user, named by their id. An OAuth client
-- that is not trusted has none.
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

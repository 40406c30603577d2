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

-- Moves audit events of one user that are older than `before` into the archive, the oldest first, max_rows at most,
-- and returns how many.
create function private.archive_key_events(user_id uuid, before timestamptz, max_rows integer)
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
  select max(o.id)
  into v_last_id
  from (
    select t.id, t.created_at
    from public.api_key_events as t
    where t.user_id = archive_key_events.user_id
    order by t.id
    limit archive_key_events.max_rows
  ) as o
  where o.created_at < archive_key_events.before;

  insert into private.archived_rows as a (user_id, source, last_id)
  select archive_key_events.user_id, 'api_key_events', v_last_id
  where v_last_id is not null
  on conflict on constraint archived_rows_pkey do update
    set last_id = greatest(a.last_id, excluded.last_id);

  insert into private.archived_key_events as a (user_id, provider, action, events, first_at, last_at)
  select t.user_id, t.provider, t.action, count(*), min(t.created_at), max(t.created_at)
  from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id
  group by t.user_id, t.provider, t.action
  on conflict on constraint archived_key_events_pkey do update
    set events = a.events + excluded.events,
        first_at = least(a.first_at, excluded.first_at),
        last_at = greatest(a.last_at, excluded.last_at);

  delete from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id;
  get diagnostics v_rows = row_count;

  return v_rows;
end;
$$;

revoke all on function private.archive_key_events from public, anon, authenticated, service_role;

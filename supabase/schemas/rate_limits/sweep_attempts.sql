-- Deletes the rows whose attempts have all left their window, and returns how many. A row that is in use is left for
-- the next sweep. This reads the whole table: an index on the time would have to be updated at every attempt, only
-- to find a few rows.
create function private.sweep_attempts()
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_swept integer;
begin
  delete from private.attempts as a
  using (
    select e.user_id, e.bucket
    from private.attempts as e
    where e.expires_at <= now()
    for update skip locked
  ) as expired
  where a.user_id = expired.user_id
    and a.bucket = expired.bucket;

  get diagnostics v_swept = row_count;
  return v_swept;
end;
$$;

revoke all on function private.sweep_attempts from public, anon, authenticated, service_role;

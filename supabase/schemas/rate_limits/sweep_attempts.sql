-- A row that is being counted on is left for the next sweep. It reads the whole table: an
-- index on the time would have to follow every attempt, for the sake of a few rows.
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

comment on function private.sweep_attempts() is
  'Deletes the attempts that have left their window; gives the number of rows.';

revoke all on function private.sweep_attempts from public, anon, authenticated, service_role;

-- Counts an attempt, or tells how long to wait. Only allowed attempts count, so somebody who keeps trying is
-- allowed again as soon as the window has moved on. A count stands when its transaction commits, so the caller
-- must answer an error instead of raising it, and must not be a function that a client calls directly: a client
-- can roll its own call back.
--
-- One statement counts or refuses, under the row's lock either way. The time is read where
-- the lock is held: now() is when the transaction began, which may be before an attempt
-- that another has committed in the meantime.
create function private.take_attempt(bucket text, user_id uuid, max_attempts integer, window_length interval)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_now timestamptz;
  v_attempts timestamptz[];
begin
  -- A limit that is missing must not read as no limit.
  if num_nulls(take_attempt.bucket, take_attempt.user_id, take_attempt.max_attempts, take_attempt.window_length) > 0
    or take_attempt.max_attempts < 1
    or take_attempt.window_length <= interval '0'
  then
    raise exception 'take_attempt needs a bucket, a user, a maximum of 1 or more and a window';
  end if;

  insert into private.attempts as a (user_id, bucket, attempted_at, expires_at)
  values (
    take_attempt.user_id,
    take_attempt.bucket,
    array[clock_timestamp()],
    clock_timestamp() + take_attempt.window_length
  )
  on conflict on constraint attempts_pkey do update
    set attempted_at = array(
          select t
          from unnest(a.attempted_at) as t
          where t > clock_timestamp() - take_attempt.window_length
          order by t
        ) || clock_timestamp(),
        expires_at = clock_timestamp() + take_attempt.window_length
    where (
      select count(*)
      from unnest(a.attempted_at) as t
      where t > clock_timestamp() - take_attempt.window_length
    ) < take_attempt.max_attempts;

  if found then
    return null;
  end if;

  v_now := clock_timestamp();
  v_attempts := array(
    select t
    from private.attempts as a
    cross join lateral unnest(a.attempted_at) as t
    where a.user_id = take_attempt.user_id
      and a.bucket = take_attempt.bucket
      and t > v_now - take_attempt.window_length
    order by t
  );

  -- Free again when the last attempt that fills the window has left it, which it may have
  -- done since the refusal.
  return greatest(
    1,
    ceil(extract(epoch from
      v_attempts[cardinality(v_attempts) - take_attempt.max_attempts + 1] + take_attempt.window_length - v_now
    ))
  )::integer;
end;
$$;

comment on function private.take_attempt(text, uuid, integer, interval) is
  'Counts one attempt of a user in a sliding window: null when it is allowed, else the whole seconds until the next one is.';

revoke all on function private.take_attempt from public, anon, authenticated, service_role;

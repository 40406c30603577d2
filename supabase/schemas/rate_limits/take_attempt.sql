-- Counts one attempt in a sliding window and returns null, or returns the seconds to wait where it is refused. Only
-- allowed attempts count, so somebody who keeps trying is allowed again as soon as the window has moved on. An
-- attempt is counted once its transaction commits. So the caller must return an error instead of raising it, and
-- must not be a function that a client calls directly: a client can roll its own call back.
--
-- One statement counts or refuses, under the row's lock in both cases. The time is read while the lock is held:
-- now() is the start of the transaction, and another transaction may have committed an attempt since then.
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
  -- A null limit must not mean that there is no limit.
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

  -- The next attempt is allowed when the oldest one that fills the window has left it. That may have happened since
  -- the refusal, so the wait is at least one second.
  return greatest(
    1,
    ceil(extract(epoch from
      v_attempts[cardinality(v_attempts) - take_attempt.max_attempts + 1] + take_attempt.window_length - v_now
    ))
  )::integer;
end;
$$;

revoke all on function private.take_attempt from public, anon, authenticated, service_role;

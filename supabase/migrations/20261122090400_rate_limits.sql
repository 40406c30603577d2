-- Made from supabase/schemas/rate_limits/ by `npm run db:diff -- --first`: change it there.

-- Rate limits: how often one user may attempt one action in a sliding window. One row per user and action holds the
-- times of the attempts that count, and its lock makes the count exact when many requests come at once. user_id has
-- no foreign key: attempts are also counted for a user without an account, and the sweep deletes every row in time.
create table private.attempts (
  user_id uuid not null,
  bucket text not null,
  attempted_at timestamptz[] not null default '{}',
  expires_at timestamptz not null,
  constraint attempts_pkey primary key (user_id, bucket),
  constraint attempts_bucket_form check (bucket ~ '^[a-z][a-z_]{1,62}$')
);

comment on table private.attempts is
  'Attempts within their sliding window, one row per user and bucket. Written by take_attempt(), emptied by sweep_attempts().';
comment on column private.attempts.bucket is 'Name of the action, such as read_api_key.';
comment on column private.attempts.attempted_at is 'Times of the attempts that were allowed, oldest first.';
comment on column private.attempts.expires_at is 'When the newest attempt leaves the window; the row can be deleted then.';

revoke all on private.attempts from public, anon, authenticated, service_role;

-- Counts an attempt as take_attempt() does, and returns the error rate_limited as a value where it is refused; null where
-- it is allowed. %s in the message becomes the number of seconds to wait.
create function private.refuse_attempt(
  bucket text,
  user_id uuid,
  max_attempts integer,
  window_length interval,
  message text
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_wait integer := private.take_attempt(
    refuse_attempt.bucket, refuse_attempt.user_id, refuse_attempt.max_attempts, refuse_attempt.window_length
  );
begin
  if v_wait is null then
    return null;
  end if;
  return private.error_result(
    'rate_limited', format(refuse_attempt.message, v_wait), jsonb_build_object('retry_after', v_wait)
  );
end;
$$;

revoke all on function private.refuse_attempt from public, anon, authenticated, service_role;

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

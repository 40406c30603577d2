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

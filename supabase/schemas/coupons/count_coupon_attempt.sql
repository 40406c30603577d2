-- Codes can be guessed, so a user has ten attempts in ten minutes, right or wrong, redeeming or previewing. The
-- attempt is counted before the code is read. Returns null where it is allowed. A refusal is returned and not
-- raised, because raising would undo the count.
create function private.count_coupon_attempt(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if count_coupon_attempt.user_id is null then
    perform private.raise_error('invalid_argument', 'Give the id of the user who redeems the code.', '{"argument": "user_id"}');
  end if;

  return private.refuse_attempt(
    'try_coupon', count_coupon_attempt.user_id, 10, interval '10 minutes',
    'Too many codes were tried: wait before the next one.'
  );
end;
$$;

revoke all on function private.count_coupon_attempt from public, anon, authenticated, service_role;

-- A registered error as a value, {ok: false, error: {code, status, message, facts}}, for functions whose writes must
-- be kept although they fail: an attempt that is counted, a read that is audited. Raising would undo those writes.
create function private.error_result(identifier text, message text, facts jsonb default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status smallint;
begin
  select e.status
  into v_status
  from private.error_codes as e
  where e.identifier = error_result.identifier;

  if v_status is null then
    raise exception 'error identifier % is not in private.error_codes', error_result.identifier;
  end if;

  return jsonb_build_object(
    'ok', false,
    'error', jsonb_build_object(
      'code', error_result.identifier,
      'status', v_status,
      'message', error_result.message,
      'facts', error_result.facts
    )
  );
end;
$$;

revoke all on function private.error_result from public, anon, authenticated, service_role;

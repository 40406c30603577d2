-- Raises a registered error. SQLSTATE PTnnn makes the Data API answer with HTTP status nnn. `details` carries the
-- identifier and `hint` the facts as JSON, because these two reach a client unchanged.
create function private.raise_error(identifier text, message text, facts jsonb default null)
returns void
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
  where e.identifier = raise_error.identifier;

  if v_status is null then
    raise exception 'error identifier % is not in private.error_codes', raise_error.identifier;
  elsif raise_error.facts is null then
    raise exception using
      errcode = 'PT' || v_status,
      message = raise_error.message,
      detail = raise_error.identifier;
  else
    raise exception using
      errcode = 'PT' || v_status,
      message = raise_error.message,
      detail = raise_error.identifier,
      hint = raise_error.facts::text;
  end if;
end;
$$;

revoke all on function private.raise_error from public, anon, authenticated, service_role;

-- Raises the faults that json_fault() finds in a document from a client. If the document is meant for a column,
-- `constraint_name` is the check of that column's size, and an oversized document is refused as that check would
-- refuse it.
create function private.check_json(document jsonb, max_bytes integer, argument text, constraint_name text default null)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_fault text := private.json_fault(check_json.document, check_json.max_bytes);
begin
  if v_fault = 'number' then
    perform private.raise_error(
      'invalid_argument',
      format('Give only numbers that fit double precision in %s.', check_json.argument),
      jsonb_build_object('argument', check_json.argument, 'type', 'number')
    );
  elsif v_fault = 'size' and check_json.constraint_name is null then
    perform private.raise_error(
      'invalid_argument',
      format('Shorten %s to %s bytes.', check_json.argument, check_json.max_bytes),
      jsonb_build_object('argument', check_json.argument, 'maximum', check_json.max_bytes)
    );
  elsif v_fault = 'size' then
    raise exception using
      errcode = 'check_violation',
      message = format('Shorten %s to %s bytes.', check_json.argument, check_json.max_bytes),
      schema = 'public',
      constraint = check_json.constraint_name;
  end if;
end;
$$;

revoke all on function private.check_json from public, anon, authenticated, service_role;

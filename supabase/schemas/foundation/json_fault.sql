-- JSON from a client. jsonb keeps 1e131071 in nine bytes and prints it as 131,072, so a document
-- of 64 KB becomes gigabytes as text, and no timeout ends the printing of one value. Nothing may
-- print a document, or measure its text, before this function has seen it.
--
-- It reads the numbers where they lie, and none may be outside double precision: too large, too
-- small to be anything but zero, or a zero written with more than 400 digits (341 are what the
-- longest double takes). What is left prints as a few times what it takes in memory. And no
-- document takes more than four times the memory of its text, so that what takes more than
-- that of the limit is refused unread.
create function private.json_fault(document jsonb, max_bytes integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if pg_catalog.pg_column_size(json_fault.document) > 4 * json_fault.max_bytes + 64 then
    return 'size';
  elsif pg_catalog.jsonb_path_exists(
    json_fault.document,
    'strict $.** ? (
      @ > 1.7976931348623158e308
      || (@ < 2.5e-324 && (@ < -1.7976931348623158e308 || (@ > -2.5e-324 && @ != 0)))
    )'
  ) or exists (
    select
    -- A set-returning function in the select list gives one row at a time; in `from` it would first store all of
    -- them.
    from (
      select pg_catalog.jsonb_path_query(json_fault.document, 'strict $.** ? (@ == 0)')::numeric as zero
      offset 0
    ) as z
    where pg_catalog.scale(z.zero) > 400
  ) then
    return 'number';
  elsif octet_length(json_fault.document::text) > json_fault.max_bytes then
    return 'size';
  end if;
  return null;
end;
$$;

comment on function private.json_fault(jsonb, integer) is
  'What is wrong with a JSON document from a client: number for one outside double precision, size for more than max_bytes as text; null for nothing.';

revoke all on function private.json_fault from public, anon, authenticated, service_role;

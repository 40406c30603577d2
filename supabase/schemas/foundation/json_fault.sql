-- Returns what is wrong with a JSON document from a client: 'number' for one outside double precision, 'size' for
-- more than max_bytes as text, null for nothing. jsonb stores 1e131071 in nine bytes and prints it as 128 KiB, so 64
-- KB of such numbers become gigabytes of text, and no timeout ends the printing of one value. Nothing may print a
-- document, or measure its text, before this function has checked it.
--
-- It compares the numbers without printing them. A number may not be too large for double precision, nor too small
-- to be anything but zero, nor a zero written with more than 400 digits (the longest double takes 341). What is left
-- prints as a few times its size in memory. And no document takes more than four times the memory of its text, so
-- one that takes more than four times the limit is refused without reading its numbers.
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

revoke all on function private.json_fault from public, anon, authenticated, service_role;

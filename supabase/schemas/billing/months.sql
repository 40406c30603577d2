-- Returns the months of credits in one paid period of a price; null for a pack.
create function private.months_of(interval_name text, interval_count integer)
returns integer
language sql
immutable
security invoker
set search_path = ''
return case months_of.interval_name when 'year' then 12 when 'month' then 1 end * months_of.interval_count;

-- Returns the same moment some months later, clamped to the month's end. It is counted from the start, or the 31st
-- would become the 28th for good; and in UTC, or the month would depend on the database's time zone.
create function private.month_after(start timestamptz, months integer)
returns timestamptz
language sql
immutable
security invoker
set search_path = ''
return (month_after.start at time zone 'UTC' + make_interval(months => month_after.months)) at time zone 'UTC';

revoke all on function private.months_of, private.month_after from public, anon, authenticated, service_role;

-- Fails if plpgsql_check has findings in our functions. Supabase's Docker image has the extension, and no npm package does,
-- so only the workflow's Docker job runs this. The transaction is rolled back, so nothing stays installed.
begin;

create extension if not exists plpgsql_check with schema extensions;

do $$
declare
  v_findings text;
begin
  select string_agg(format('%s: %s %s line %s: %s', f.oid::regprocedure, c.level, c.sqlstate, c.lineno, c.message), E'\n')
  into v_findings
  from pg_catalog.pg_proc as f
  join pg_catalog.pg_language as l on l.oid = f.prolang and l.lanname = 'plpgsql'
  left join pg_catalog.pg_trigger as t on t.tgfoid = f.oid and not t.tgisinternal
  cross join lateral extensions.plpgsql_check_function_tb(
    f.oid,
    coalesce(t.tgrelid, 0),
    oldtable => t.tgoldtable,
    newtable => t.tgnewtable,
    extra_warnings => false,
    performance_warnings => false
  ) as c
  where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
    and (f.prorettype <> 'trigger'::regtype or t.oid is not null)
    and c.level in ('error', 'warning');

  if v_findings is not null then
    raise exception using message = 'plpgsql_check has findings:' || E'\n' || v_findings;
  end if;
end;
$$;

rollback;

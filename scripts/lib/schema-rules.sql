-- Faults that our schemas must not have. The first two rules are those of Splinter's 0028 and 0029, which the CLI's advisors
-- do not report. Functions of extensions are not checked.
with functions as (
  select
    p.oid,
    n.nspname as schema,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
    p.prosecdef as is_definer,
    p.proacl,
    p.proowner,
    p.proconfig
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private')
    and not exists (
      select
      from pg_catalog.pg_depend as d
      where d.classid = 'pg_catalog.pg_proc'::regclass
        and d.objid = p.oid
        and d.deptype = 'e'
    )
)
select
  'definer_callable_by_anon' as rule,
  f.name as object,
  'A visitor can call it with the rights of its owner: put it into private, behind an invoker in public.' as remedy
from functions as f
where f.schema = 'public'
  and f.is_definer
  and has_function_privilege('anon', f.oid, 'execute')

union all

select
  'definer_callable_by_authenticated',
  f.name,
  'A signed-in user can call it with the rights of its owner: put it into private, behind an invoker in public.'
from functions as f
where f.schema = 'public'
  and f.is_definer
  and has_function_privilege('authenticated', f.oid, 'execute')

union all

select 'search_path_is_mutable', f.name, 'Write set search_path = '''' and qualify every name.'
from functions as f
where not exists (
  select
  from unnest(f.proconfig) as setting
  where starts_with(setting, 'search_path=')
)

union all

select 'execute_for_public', f.name, 'Revoke execute from public and grant it to roles by name.'
from functions as f
where exists (
  select
  from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
  where a.grantee = 0
)

union all

select
  'foreign_key_without_index',
  format('%I on %I.%I', c.conname, n.nspname, t.relname),
  'Create an index that leads with its columns: without one, deleting a referenced row reads the whole table.'
from pg_catalog.pg_constraint as c
join pg_catalog.pg_namespace as n on n.oid = c.connamespace
join pg_catalog.pg_class as t on t.oid = c.conrelid
where c.contype = 'f'
  and n.nspname in ('public', 'private')
  and not exists (
    select
    from pg_catalog.pg_index as i
    where i.indrelid = c.conrelid
      and i.indisvalid
      and i.indpred is null
      and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
  )

order by 1, 2

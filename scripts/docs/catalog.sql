-- Everything that the schema reference shows, read from the catalogs as one JSON document. The session's search_path
-- is public alone, so that the names of other schemas are printed with their schema.
with
  api_roles as (
    select 0::oid as oid, 'public' as role_name
    union all
    select r.oid, r.rolname
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
  ),
  documented_tables as (
    select c.oid, c.relname, n.nspname, c.relacl, c.relowner
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
  ),
  -- A privilege on the whole table has no column.
  privileges as (
    select t.oid, a.privilege_type, a.grantee, null::name as column_name, 0 as attnum
    from documented_tables as t
    cross join lateral aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) as a
    union all
    select t.oid, a.privilege_type, a.grantee, att.attname, att.attnum
    from documented_tables as t
    join pg_catalog.pg_attribute as att on att.attrelid = t.oid and not att.attisdropped
    cross join lateral aclexplode(att.attacl) as a
  ),
  grants as (
    select p.oid, r.role_name, p.privilege_type, array_agg(p.column_name order by p.attnum) filter (where p.attnum > 0) as columns
    from privileges as p
    join api_roles as r on r.oid = p.grantee
    group by p.oid, r.role_name, p.privilege_type
  )
select jsonb_build_object(
  'tables', (
    select jsonb_agg(
      jsonb_build_object(
        'schema', t.nspname,
        'name', t.relname,
        'comment', obj_description(t.oid, 'pg_class'),
        'columns', (
          select jsonb_agg(
            jsonb_build_object(
              'name', a.attname,
              'type', format_type(a.atttypid, a.atttypmod),
              'required', a.attnotnull,
              'default', case
                when a.attidentity <> '' then 'identity'
                when a.attgenerated <> '' then 'generated: ' || pg_get_expr(d.adbin, d.adrelid)
                else pg_get_expr(d.adbin, d.adrelid)
              end,
              'references', (
                select string_agg(distinct f.confrelid::regclass::text, ', ')
                from pg_catalog.pg_constraint as f
                where f.conrelid = t.oid and f.contype = 'f' and a.attnum = any (f.conkey)
              ),
              'comment', col_description(t.oid, a.attnum)
            )
            order by a.attnum
          )
          from pg_catalog.pg_attribute as a
          left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
          where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        ),
        'checks', (
          select coalesce(jsonb_agg(jsonb_build_object('name', c.conname, 'definition', pg_get_expr(c.conbin, c.conrelid, true)) order by c.conname), '[]')
          from pg_catalog.pg_constraint as c
          where c.conrelid = t.oid and c.contype = 'c'
        ),
        'policies', (
          select coalesce(jsonb_agg(p.policyname order by p.policyname), '[]')
          from pg_catalog.pg_policies as p
          where p.schemaname = t.nspname and p.tablename = t.relname
        ),
        'grants', (
          select coalesce(
            jsonb_agg(
              jsonb_build_object('role', g.role_name, 'privilege', lower(g.privilege_type), 'columns', g.columns)
              order by g.role_name, array_position(array['SELECT', 'INSERT', 'UPDATE', 'DELETE'], g.privilege_type), g.privilege_type
            ),
            '[]'
          )
          from grants as g
          where g.oid = t.oid
        ),
        'triggers', (
          select coalesce(jsonb_agg(pg_get_triggerdef(tg.oid) order by tg.tgname), '[]')
          from pg_catalog.pg_trigger as tg
          where tg.tgrelid = t.oid and not tg.tgisinternal
        )
      )
      order by t.nspname desc, t.relname
    )
    from documented_tables as t
  ),
  'functions', (
    select jsonb_agg(
      jsonb_build_object(
        'schema', n.nspname,
        'name', p.proname,
        'comment', obj_description(p.oid, 'pg_proc'),
        'volatility', case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
        'returns', pg_get_function_result(p.oid),
        'body', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
        'arguments', (
          select coalesce(
            jsonb_agg(
              jsonb_build_object(
                'name', p.proargnames[u.position],
                'type', format_type(u.type_oid, null),
                'default', pg_get_function_arg_default(p.oid, u.position::int)
              )
              order by u.position
            ),
            '[]'
          )
          from unnest(p.proargtypes::oid[]) with ordinality as u (type_oid, position)
        ),
        'roles', (
          select coalesce(jsonb_agg(r.role_name order by r.role_name), '[]')
          from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
          join api_roles as r on r.oid = a.grantee
        )
      )
      order by n.nspname desc, p.proname, p.oid::regprocedure::text
    )
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private')
  ),
  'errors', (
    select jsonb_agg(
      jsonb_build_object('identifier', e.identifier, 'status', e.status, 'meaning', e.meaning)
      order by e.status, e.identifier
    )
    from private.error_codes as e
  )
) as catalog;

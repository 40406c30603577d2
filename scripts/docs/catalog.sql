-- What the schema reference tells, read from the catalogs as one JSON document. Names are printed with their schema
-- unless it is public: the reader's session has that search path alone.
with
  documented_tables as (
    select c.oid, c.relname, n.nspname, c.relacl, c.relowner
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
  ),
  grants as (
    select t.oid, a.privilege_type, a.grantee, null::name as column_name, 0 as attnum
    from documented_tables as t
    cross join lateral aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) as a
    union all
    select t.oid, a.privilege_type, a.grantee, att.attname, att.attnum
    from documented_tables as t
    join pg_catalog.pg_attribute as att on att.attrelid = t.oid and not att.attisdropped
    cross join lateral aclexplode(att.attacl) as a
  ),
  api_grants as (
    select g.oid, g.privilege_type, coalesce(r.rolname, 'public') as role_name, g.column_name, g.attnum
    from grants as g
    left join pg_catalog.pg_roles as r on r.oid = g.grantee
    where coalesce(r.rolname, 'public') in ('public', 'anon', 'authenticated', 'service_role')
  )
select jsonb_build_object(
  'tables', (
    select jsonb_agg(
      jsonb_build_object(
        'schema', t.nspname,
        'name', t.relname,
        'comment', obj_description(t.oid, 'pg_class'),
        'realtime', exists (
          select
          from pg_catalog.pg_publication_tables as p
          where p.pubname = 'supabase_realtime' and p.schemaname = t.nspname and p.tablename = t.relname
        ),
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
          from (
            select
              g.role_name,
              g.privilege_type,
              array_agg(g.column_name order by g.attnum) filter (where g.column_name is not null) as columns
            from api_grants as g
            where g.oid = t.oid
            group by g.role_name, g.privilege_type
          ) as g
        ),
        'triggers', (
          select coalesce(
            jsonb_agg(
              jsonb_build_object(
                'function', pn.nspname || '.' || p.proname,
                'events', array_remove(
                  array[
                    case when (tg.tgtype & 4) <> 0 then 'insert' end,
                    case when (tg.tgtype & 8) <> 0 then 'delete' end,
                    case when (tg.tgtype & 16) <> 0 then 'update' end
                  ],
                  null
                )
              )
              order by tg.tgname
            ),
            '[]'
          )
          from pg_catalog.pg_trigger as tg
          join pg_catalog.pg_proc as p on p.oid = tg.tgfoid
          join pg_catalog.pg_namespace as pn on pn.oid = p.pronamespace
          where tg.tgrelid = t.oid and not tg.tgisinternal
        )
      )
      order by t.nspname desc, t.relname
    )
    from documented_tables as t
  ),
  'references', (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'table', c.conrelid::regclass::text,
          'target', c.confrelid::regclass::text,
          'columns', k.columns,
          'optional', k.optional,
          'unique', exists (
            select
            from pg_catalog.pg_index as i
            where i.indrelid = c.conrelid
              and i.indisunique
              and i.indpred is null
              and i.indkey::int2[] <@ c.conkey
          )
        )
        order by c.conrelid::regclass::text, c.conname
      ),
      '[]'
    )
    from pg_catalog.pg_constraint as c
    cross join lateral (
      select array_agg(a.attname order by u.position) as columns, bool_or(not a.attnotnull) as optional
      from unnest(c.conkey) with ordinality as u (attnum, position)
      join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = u.attnum
    ) as k
    where c.contype = 'f'
      and c.connamespace = 'public'::regnamespace
      and c.confrelid in (select t.oid from documented_tables as t where t.nspname = 'public')
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
          select coalesce(jsonb_agg(coalesce(r.rolname, 'public') order by r.rolname), '[]')
          from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
          left join pg_catalog.pg_roles as r on r.oid = a.grantee
          where coalesce(r.rolname, 'public') in ('public', 'anon', 'authenticated', 'service_role')
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
  ),
  'storagePolicies', (
    select coalesce(jsonb_agg(p.policyname order by p.policyname), '[]')
    from pg_catalog.pg_policies as p
    where p.schemaname = 'storage'
  ),
  'realtimePolicies', (
    select coalesce(jsonb_agg(p.policyname order by p.policyname), '[]')
    from pg_catalog.pg_policies as p
    where p.schemaname = 'realtime'
  ),
  'buckets', (
    select coalesce(
      jsonb_agg(
        jsonb_build_object('id', b.id, 'public', b.public, 'limit', b.file_size_limit, 'types', b.allowed_mime_types)
        order by b.id
      ),
      '[]'
    )
    from storage.buckets as b
  )
) as catalog;

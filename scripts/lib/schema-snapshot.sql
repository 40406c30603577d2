-- Everything that a migration can leave behind in a database, one row for each object: its kind, name and definition. Two
-- databases with the same rows have the same schema.
--
-- Postgres's own schemas are left out, and so is the history of migrations, which a push creates and a rollback corrects.
-- Members of an extension are represented by the extension and its version.
with
members as (
  select classid, objid
  from pg_depend
  where deptype = 'e'
),
schemas as (
  select oid, nspname, nspowner, nspacl
  from pg_namespace
  where nspname !~ '^pg_'
    and nspname not in ('information_schema', 'supabase_migrations')
),
relations as (
  select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c
  join schemas n on n.oid = c.relnamespace
  where ('pg_class'::regclass, c.oid) not in (select classid, objid from members)
),
routines as (
  select p.*, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name
  from pg_proc p
  join schemas n on n.oid = p.pronamespace
  where ('pg_proc'::regclass, p.oid) not in (select classid, objid from members)
),
types as (
  select t.*, format('%I.%I', n.nspname, t.typname) as name
  from pg_type t
  join schemas n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r')
     or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
),
-- An object without a privilege list has the default privileges, so these are written out.
privileges as (
  select 'schema' as kind, nspname::text as name, coalesce(nspacl, acldefault('n', nspowner)) as acl
  from schemas
  union all
  select
    case relkind when 'S' then 'sequence' else 'table' end,
    name,
    coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
  from relations
  where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select 'column', r.name || '.' || quote_ident(a.attname), a.attacl
  from pg_attribute a
  join relations r on r.oid = a.attrelid
  where a.attacl is not null
  union all
  select 'function', name, coalesce(proacl, acldefault('f', proowner))
  from routines
  union all
  select 'type', name, coalesce(typacl, acldefault('T', typowner))
  from types
  union all
  select
    'default privileges',
    format('%s by %s in %s', defaclobjtype, defaclrole::regrole, coalesce(n.nspname, '(any schema)')),
    defaclacl
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
)

select 'schema' as kind, nspname::text as name, 'owner ' || nspowner::regrole as definition
from schemas

union all
select 'extension', extname::text, format('%s in %s', extversion, extnamespace::regnamespace)
from pg_extension

union all
select
  'relation',
  name,
  concat_ws(', ',
    'kind ' || relkind::text,
    'owner ' || relowner::regrole,
    'persistence ' || relpersistence::text,
    case when relrowsecurity then 'row-level security' end,
    case when relforcerowsecurity then 'forced' end,
    'replica identity ' || relreplident::text,
    reloptions::text,
    pg_get_partkeydef(oid)
  )
from relations
where relkind in ('r', 'p', 'v', 'm', 'f', 'c')

-- The position is counted, because dropped columns leave gaps in attnum.
union all
select
  'column',
  r.name || '.' || quote_ident(a.attname),
  concat_ws(' ',
    'position ' || row_number() over (partition by a.attrelid order by a.attnum),
    format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then 'not null' end,
    case a.attidentity when 'a' then 'identity always' when 'd' then 'identity by default' end,
    case when a.attgenerated <> '' then 'generated' end,
    'default ' || pg_get_expr(d.adbin, d.adrelid),
    'collate ' || nullif(a.attcollation, t.typcollation)::regcollation,
    'storage ' || a.attstorage::text,
    'compression ' || nullif(a.attcompression, '')::text,
    'statistics ' || a.attstattarget::text,
    a.attoptions::text
  )
from pg_attribute a
join relations r on r.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attnum > 0
  and not a.attisdropped
  and r.relkind in ('r', 'p', 'v', 'm', 'f', 'c')

union all
select
  'constraint',
  coalesce(r.name, t.name) || ' ' || quote_ident(c.conname),
  concat_ws(' ', pg_get_constraintdef(c.oid), case when not c.convalidated then 'not valid' end)
from pg_constraint c
left join relations r on r.oid = c.conrelid
left join types t on t.oid = c.contypid
where coalesce(r.name, t.name) is not null

union all
select
  'index',
  r.name,
  concat_ws(' ',
    pg_get_indexdef(r.oid),
    case when not i.indisvalid then 'invalid' end,
    case when i.indisreplident then 'replica identity' end,
    case when i.indisclustered then 'clustered' end
  )
from relations r
join pg_index i on i.indexrelid = r.oid

union all
select 'view', name, pg_get_viewdef(oid)
from relations
where relkind in ('v', 'm')

union all
select
  'sequence',
  r.name,
  concat_ws(' ',
    'owner ' || r.relowner::regrole,
    format('as %s start %s increment %s from %s to %s cache %s',
      format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache),
    case when s.seqcycle then 'cycle' end,
    (
      select 'owned by ' || d.refobjid::regclass || '.' || a.attname
      from pg_depend d
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype in ('a', 'i')
    )
  )
from relations r
join pg_sequence s on s.seqrelid = r.oid

union all
select
  'policy',
  r.name || ' ' || quote_ident(p.polname),
  concat_ws(' ',
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    'for ' || p.polcmd::text,
    'to ' || (
      select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ' order by role::regrole::text)
      from unnest(p.polroles) as role
    ),
    'using ' || pg_get_expr(p.polqual, p.polrelid),
    'with check ' || pg_get_expr(p.polwithcheck, p.polrelid)
  )
from pg_policy p
join relations r on r.oid = p.polrelid

-- pg_get_functiondef refuses aggregates.
union all
select
  'function',
  name,
  'owner ' || proowner::regrole || E'\n' || case
    when prokind in ('f', 'p') then pg_get_functiondef(oid)
    else format('%s returns %s', prokind, pg_get_function_result(oid))
  end
from routines

union all
select 'trigger', r.name || ' ' || quote_ident(t.tgname), format('%s, enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
from pg_trigger t
join relations r on r.oid = t.tgrelid
where not t.tgisinternal

union all
select
  'event trigger',
  evtname::text,
  concat_ws(' ', evtevent, 'owner ' || evtowner::regrole, evtfoid::regprocedure, evttags::text, evtenabled)
from pg_event_trigger

union all
select 'rule', r.name || ' ' || quote_ident(w.rulename), pg_get_ruledef(w.oid)
from pg_rewrite w
join relations r on r.oid = w.ev_class
where w.rulename <> '_RETURN'

union all
select
  'type',
  name,
  concat_ws(' ',
    'kind ' || typtype::text,
    'owner ' || typowner::regrole,
    case when typtype = 'd' then format_type(typbasetype, typtypmod) end,
    case when typnotnull then 'not null' end,
    'default ' || typdefault,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = types.oid)
  )
from types

union all
select
  'publication',
  pubname::text,
  concat_ws(' ',
    'owner ' || pubowner::regrole,
    case when puballtables then 'all tables' end,
    case when pubinsert then 'insert' end,
    case when pubupdate then 'update' end,
    case when pubdelete then 'delete' end,
    case when pubtruncate then 'truncate' end,
    case when pubviaroot then 'via root' end
  )
from pg_publication

union all
select
  'published table',
  format('%I %I.%I', pubname, schemaname, tablename),
  concat_ws(' ', attnames::text, 'where ' || rowfilter)
from pg_publication_tables

union all
select
  'privileges',
  p.kind || ' ' || p.name,
  string_agg(
    format('%s %s%s by %s',
      case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
      a.privilege_type,
      case when a.is_grantable then ' with grant option' end,
      a.grantor::regrole),
    E'\n'
    order by a.grantee::regrole::text, a.privilege_type, a.grantor::regrole::text
  )
from privileges p
left join aclexplode(p.acl) a on true
group by p.kind, p.name

union all
select
  'settings',
  format('%s in %s',
    case setrole when 0 then 'every role' else setrole::regrole::text end,
    case setdatabase when 0 then 'every database' else 'this database' end),
  (select string_agg(setting, E'\n' order by setting) from unnest(setconfig) as setting)
from pg_db_role_setting
where setdatabase = 0
   or setdatabase = (select oid from pg_database where datname = current_database())

union all
select 'role', rolname::text, concat_ws(' ',
  case when rolsuper then 'superuser' end,
  case when rolinherit then 'inherit' end,
  case when rolcreaterole then 'createrole' end,
  case when rolcreatedb then 'createdb' end,
  case when rolcanlogin then 'login' end,
  case when rolreplication then 'replication' end,
  case when rolbypassrls then 'bypassrls' end,
  (
    select 'member of ' || string_agg(
      format('%s%s%s%s', m.roleid::regrole,
        case when m.admin_option then ' admin' end,
        case when m.inherit_option then ' inherit' end,
        case when m.set_option then ' set' end),
      ', ' order by m.roleid::regrole::text, m.grantor::regrole::text)
    from pg_auth_members m
    where m.member = r.oid
  ))
from pg_roles r
where rolname !~ '^pg_'

-- Objects below 16384 are Postgres's own; of these, migrations comment only on the schema public.
union all
select 'comment', pg_describe_object(classoid, objoid, objsubid), description
from pg_description
where objoid >= 16384
   or (classoid = 'pg_namespace'::regclass and objoid in (select oid from schemas))

union all
select 'statistics', format('%s.%I', stxnamespace::regnamespace, stxname), pg_get_statisticsobjdef(oid)
from pg_statistic_ext
where stxnamespace in (select oid from schemas)

-- A migration may insert rows, such as a bucket, and its rollback must delete them.
union all
select
  'rows',
  name,
  (xpath('/row/count/text()', query_to_xml(format('select count(*) from %s', name), false, true, '')))[1]::text
from relations
where relkind = 'r'

order by kind, name, definition

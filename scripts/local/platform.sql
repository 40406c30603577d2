-- The part of a hosted Supabase database that exists before the first migration and that migrations and requests use.
-- The superuser runs this in one transaction, on a database that already has Auth's tables. A migration that works here
-- works on hosted, and what hosted refuses is refused here.

-- ---------------------------------------------------------------- extensions

create schema extensions;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
grant create on schema extensions to postgres;
create extension pgcrypto with schema extensions;
create extension "uuid-ossp" with schema extensions;

-- -------------------------------------------------------------------- public

grant usage on schema public to postgres, anon, authenticated, service_role;

-- ---------------------------------------------------------------------- auth
-- The local Auth server has made its tables. These statements give them the form that they have on hosted.

alter table auth.users
  add column instance_id uuid,
  add column is_super_admin boolean,
  alter column aud drop default,
  alter column role drop default,
  alter column raw_app_meta_data drop default,
  alter column raw_user_meta_data drop default,
  alter column created_at drop default,
  alter column updated_at drop default,
  alter column phone_change set default '',
  alter column phone_change_token set default '',
  alter column email_change_token_current set default '',
  alter column reauthentication_token set default '';
comment on table auth.users is 'Auth: Stores user login data within a secure schema.';

create index users_instance_id_idx on auth.users (instance_id);
create index users_instance_id_email_idx on auth.users (instance_id, lower(email::text));

alter table auth.identities alter column id set default gen_random_uuid();

-- The local Auth server has no second factors. The table exists because policies read it on hosted.
create type auth.factor_type as enum ('totp', 'webauthn', 'phone');
create type auth.factor_status as enum ('unverified', 'verified');
create table auth.mfa_factors (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text,
  factor_type auth.factor_type not null,
  status auth.factor_status not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  secret text,
  phone text,
  last_challenged_at timestamptz unique,
  web_authn_credential jsonb,
  web_authn_aaguid uuid
);
create index factor_id_created_at_idx on auth.mfa_factors (user_id, created_at);
create index mfa_factors_user_id_idx on auth.mfa_factors (user_id);

alter table auth.users enable row level security;
alter table auth.identities enable row level security;
alter table auth.sessions enable row level security;
alter table auth.refresh_tokens enable row level security;
alter table auth.flow_state enable row level security;
alter table auth.audit_log_entries enable row level security;
alter table auth.mfa_factors enable row level security;

create or replace function auth.uid()
returns uuid
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create or replace function auth.role()
returns text
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

create or replace function auth.email()
returns text
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;

create or replace function auth.jwt()
returns jsonb
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

alter table auth.users owner to supabase_auth_admin;
alter table auth.identities owner to supabase_auth_admin;
alter table auth.sessions owner to supabase_auth_admin;
alter table auth.refresh_tokens owner to supabase_auth_admin;
alter table auth.flow_state owner to supabase_auth_admin;
alter table auth.audit_log_entries owner to supabase_auth_admin;
alter table auth.mfa_factors owner to supabase_auth_admin;
alter type auth.factor_type owner to supabase_auth_admin;
alter type auth.factor_status owner to supabase_auth_admin;
alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;
alter function auth.email() owner to supabase_auth_admin;
alter function auth.jwt() owner to supabase_auth_admin;
alter schema auth owner to supabase_auth_admin;

grant usage on schema auth to postgres, anon, authenticated, service_role, dashboard_user;
grant all on all tables in schema auth to postgres, dashboard_user;
grant select on all tables in schema auth to postgres with grant option;

-- ------------------------------------------------------------------- storage

create schema storage authorization supabase_storage_admin;
set local role supabase_storage_admin;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD'
);
create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index name_prefix_search on storage.objects (name text_pattern_ops);

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

create function storage.foldername(name text)
returns text[]
language plpgsql
immutable
as $$
declare
  _parts text[];
begin
  select string_to_array(name, '/') into _parts;
  return _parts[1 : array_length(_parts, 1) - 1];
end
$$;

create function storage.filename(name text)
returns text
language plpgsql
immutable
as $$
declare
  _parts text[];
begin
  select string_to_array(name, '/') into _parts;
  return _parts[array_length(_parts, 1)];
end
$$;

create function storage.extension(name text)
returns text
language plpgsql
immutable
as $$
declare
  _parts text[];
  _filename text;
begin
  select string_to_array(name, '/') into _parts;
  select _parts[array_length(_parts, 1)] into _filename;
  return reverse(split_part(reverse(_filename), '.', 1));
end
$$;

-- Rows are deleted through the Storage API only. Deleted by SQL, a row would leave its file behind.
create function storage.protect_delete()
returns trigger
language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') != 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using
        hint = 'This prevents accidental data loss from orphaned objects.',
        errcode = '42501';
  end if;
  return null;
end
$$;

create trigger protect_buckets_delete
before delete on storage.buckets
for each statement execute function storage.protect_delete();

create trigger protect_objects_delete
before delete on storage.objects
for each statement execute function storage.protect_delete();

grant usage on schema storage to postgres, anon, authenticated, service_role, dashboard_user;
grant all on storage.buckets, storage.objects to postgres, anon, authenticated, service_role;

reset role;

-- --------------------------------------------------------------------- vault
-- On hosted the root key is outside the database. Here it is in a table that only the superuser can read. The functions
-- and the view have the names, arguments and privileges that they have on hosted.

create schema vault;

create table vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea default extensions.gen_random_bytes(16),
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);
create unique index secrets_name_idx on vault.secrets (name) where name is not null;
comment on table vault.secrets is 'Table with encrypted `secret` column for storing sensitive information on disk.';

create table vault.root_key (key text not null);
insert into vault.root_key values (encode(extensions.gen_random_bytes(32), 'hex'));

create function vault._encrypt(new_secret text)
returns text
language sql
volatile
security definer
set search_path = ''
as $$
  select encode(
    -- The key is 32 random bytes. Stretching is for passwords and would only cost time.
    extensions.pgp_sym_encrypt(new_secret, root_key.key, 'cipher-algo=aes256, s2k-mode=0'),
    'base64'
  )
  from vault.root_key
$$;

create function vault._decrypt(secret text)
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select extensions.pgp_sym_decrypt(decode(secret, 'base64'), root_key.key)
  from vault.root_key
$$;

create view vault.decrypted_secrets as
select
  s.id,
  s.name,
  s.description,
  s.secret,
  vault._decrypt(s.secret) as decrypted_secret,
  s.key_id,
  s.nonce,
  s.created_at,
  s.updated_at
from vault.secrets as s;

create function vault.create_secret(
  new_secret text,
  new_name text default null,
  new_description text default '',
  new_key_id uuid default null
)
returns uuid
language sql
volatile
security definer
set search_path = ''
as $$
  insert into vault.secrets (secret, name, description, key_id)
  values (vault._encrypt(new_secret), new_name, new_description, new_key_id)
  returning id
$$;

create function vault.update_secret(
  secret_id uuid,
  new_secret text default null,
  new_name text default null,
  new_description text default null,
  new_key_id uuid default null
)
returns void
language sql
volatile
security definer
set search_path = ''
as $$
  update vault.secrets as s
  set
    secret = case when new_secret is null then s.secret else vault._encrypt(new_secret) end,
    name = coalesce(new_name, s.name),
    description = coalesce(new_description, s.description),
    key_id = coalesce(new_key_id, s.key_id),
    updated_at = now()
  where s.id = secret_id
$$;

revoke all on all functions in schema vault from public;
grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;
grant select, delete on vault.secrets, vault.decrypted_secrets to postgres with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function vault.create_secret, vault.update_secret, vault._decrypt to postgres with grant option;
grant execute on function vault.create_secret, vault.update_secret, vault._decrypt to service_role;

-- ------------------------------------------------------------------ realtime
-- The part of Realtime's own migrations that policies and broadcasts use. There is no Realtime server here, so messages
-- are stored and not delivered.

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;

create schema realtime;

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  primary key (id, inserted_at)
) partition by range (inserted_at);

-- Realtime makes a partition for each day and drops it after three. Here one partition takes all days.
create table realtime.messages_default partition of realtime.messages default;

create index messages_inserted_at_topic_index
  on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private;

alter table realtime.messages enable row level security;

create function realtime.topic()
returns text
language sql
stable
as $$
  select nullif(current_setting('realtime.topic', true), '')::text
$$;

create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql
as $$
declare
  generated_id uuid;
  final_payload jsonb;
begin
  begin
    generated_id := gen_random_uuid();
    final_payload := case when payload ? 'id' then payload else jsonb_set(payload, '{id}', to_jsonb(generated_id)) end;
    execute format('set local realtime.topic to %L', topic);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (generated_id, final_payload, event, topic, private, 'broadcast');
  exception
    when others then
      raise warning 'ErrorSendingBroadcastMessage: %', sqlerrm;
  end;
end
$$;

alter table realtime.messages owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;

grant usage on schema realtime to postgres, anon, authenticated, service_role;
grant all on realtime.messages to postgres, dashboard_user;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

-- ------------------------------------------------------------ the Data API
-- It caches the schema. These triggers make it read the schema again, as on hosted.

create function extensions.pgrst_ddl_watch()
returns event_trigger
language plpgsql
as $$
begin
  notify pgrst, 'reload schema';
end
$$;

create event trigger pgrst_ddl_watch on ddl_command_end
execute function extensions.pgrst_ddl_watch();

create event trigger pgrst_drop_watch on sql_drop
execute function extensions.pgrst_ddl_watch();

-- --------------------------------------------------------------------- guard
-- On hosted postgres may create policies and triggers on auth, storage and realtime, and nothing else. Here membership in
-- the owners' roles (roles.sql) would allow any statement, so these triggers refuse the rest.

create function extensions.guard_platform_schemas()
returns event_trigger
language plpgsql
as $$
declare
  v_command record;
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  for v_command in select * from pg_event_trigger_ddl_commands() loop
    if
      v_command.schema_name in ('auth', 'storage', 'realtime', 'vault')
      and v_command.command_tag not in ('CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER')
    then
      raise exception 'permission denied: % on % belongs to the platform', v_command.command_tag, v_command.object_identity
        using errcode = '42501';
    end if;
  end loop;
end
$$;

create function extensions.guard_platform_drops()
returns event_trigger
language plpgsql
as $$
declare
  v_object record;
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  for v_object in select * from pg_event_trigger_dropped_objects() loop
    if
      v_object.schema_name in ('auth', 'storage', 'realtime', 'vault')
      and v_object.object_type not in ('policy', 'trigger')
    then
      raise exception 'permission denied: % belongs to the platform', v_object.object_identity
        using errcode = '42501';
    end if;
  end loop;
end
$$;

create event trigger guard_platform_schemas on ddl_command_end
execute function extensions.guard_platform_schemas();

create event trigger guard_platform_drops on sql_drop
execute function extensions.guard_platform_drops();

-- An event trigger does not get the object of a grant. So this one compares the privileges on the platform's tables with
-- those of the baseline, whose digest is in the trigger's comment. Select may be granted on, as on hosted.

create function extensions.platform_grants()
returns text
language sql
stable
set search_path = ''
as $$
  select md5(string_agg(g::text, ',' order by g::text))
  from (
    select c.oid, a.grantee, a.privilege_type
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    cross join lateral pg_catalog.aclexplode(c.relacl) as a
    where n.nspname in ('auth', 'storage', 'realtime', 'vault')
      and a.privilege_type <> 'SELECT'
    union all
    select n.oid, a.grantee, a.privilege_type
    from pg_catalog.pg_namespace as n
    cross join lateral pg_catalog.aclexplode(n.nspacl) as a
    where n.nspname in ('auth', 'storage', 'realtime', 'vault')
  ) as g
$$;

create function extensions.guard_platform_grants()
returns event_trigger
language plpgsql
as $$
begin
  if
    current_setting('is_superuser') = 'off'
    and extensions.platform_grants() is distinct from (
      select obj_description(oid, 'pg_event_trigger')
      from pg_event_trigger
      where evtname = 'guard_platform_grants'
    )
  then
    raise exception 'permission denied: privileges on auth, storage, realtime and vault belong to the platform'
      using errcode = '42501';
  end if;
end
$$;

create event trigger guard_platform_grants on ddl_command_end
when tag in ('GRANT', 'REVOKE')
execute function extensions.guard_platform_grants();

do $$
begin
  execute format('comment on event trigger guard_platform_grants is %L', extensions.platform_grants());
end
$$;

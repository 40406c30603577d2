-- The roles of a hosted Supabase cluster, as far as migrations, Auth and the Data API meet them. Run
-- once per cluster by the bootstrap superuser, in one transaction; passwords are set afterwards.

-- The project's own role. Not a superuser: what needs one on hosted fails here too.
create role postgres
  nosuperuser createrole createdb login replication bypassrls;
alter role postgres set search_path to "$user", public, extensions;
alter role supabase_admin set search_path to "$user", public, auth, extensions;

-- The roles that a request runs as. The timeouts are hosted's: PostgREST applies them per request.
create role anon nologin inherit;
alter role anon set statement_timeout = '3s';
create role authenticated nologin inherit;
alter role authenticated set statement_timeout = '8s';
create role service_role nologin inherit bypassrls;

-- The role that the Data API signs in as, to become one of the three.
create role authenticator login noinherit;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
-- Two lints of the advisors stay silent where this is not set.
alter role authenticator set pgrst.db_schemas = 'public, graphql_public';
grant anon, authenticated, service_role to authenticator;

-- The services' own roles.
create role supabase_auth_admin nosuperuser noinherit createrole login noreplication;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = 60000;
create role supabase_storage_admin nosuperuser noinherit createrole login noreplication;
alter role supabase_storage_admin set search_path = storage;
grant authenticator to supabase_storage_admin;
create role supabase_realtime_admin nosuperuser noinherit nologin noreplication;
create role dashboard_user nosuperuser createdb createrole nologin replication;

-- With the admin option postgres may also change the settings of the API roles.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_signal_backend, pg_create_subscription to postgres with admin option;

-- On hosted an extension (supautils) lets postgres keep policies on storage tables and on realtime.messages,
-- and triggers on auth.users, though it owns none of them. Membership stands in for that; the guard in
-- platform.sql refuses everything else that membership would allow.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres with inherit true, set false;

-- Settings that hosted lets postgres put on a role or a session. A setting that is not listed here, as
-- app.anything, is refused there and here.
grant set on parameter log_min_duration_statement to postgres;
grant set on parameter log_min_messages to postgres;
grant set on parameter log_parameter_max_length to postgres;
grant set on parameter log_statement to postgres;
grant set on parameter session_replication_role to postgres;
grant set on parameter track_io_timing to postgres;
grant set on parameter pgrst.db_aggregates_enabled to postgres;
grant set on parameter pgrst.db_max_rows to postgres;
grant set on parameter pgrst.db_pre_request to postgres;
grant set on parameter pgrst.db_schemas to postgres;

-- The roles of a hosted Supabase cluster that migrations, Auth and the Data API use. The bootstrap superuser runs this
-- once per cluster, in one transaction. Passwords are set afterwards.

-- The project's own role. It is not a superuser, so that what needs one on hosted fails here too.
create role postgres
  nosuperuser createrole createdb login replication bypassrls;
alter role postgres set search_path to "$user", public, extensions;
alter role supabase_admin set search_path to "$user", public, auth, extensions;

-- The roles of requests. The timeouts are hosted's; PostgREST applies them to each request.
create role anon nologin inherit;
alter role anon set statement_timeout = '3s';
create role authenticated nologin inherit;
alter role authenticated set statement_timeout = '8s';
create role service_role nologin inherit bypassrls;

-- The role that the Data API signs in as. It then changes to one of the three.
create role authenticator login noinherit;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
-- Without this setting two lints of the advisors report nothing.
alter role authenticator set pgrst.db_schemas = 'public, graphql_public';
grant anon, authenticated, service_role to authenticator;

-- The roles of the services.
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

-- On hosted the extension supautils lets postgres make policies on storage tables and on realtime.messages, and triggers
-- on auth.users, though it owns none of them. Here membership allows that. The guard in platform.sql refuses everything
-- else that membership would allow.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres with inherit true, set false;

-- The settings that postgres may set on a role or a session on hosted. Others, such as app.anything, are refused there
-- and here.
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

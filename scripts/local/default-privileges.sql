-- The default privileges of a hosted project with automatic grants, for new objects in public. A project without
-- automatic grants has none of them. In both, execute on a new function goes to PUBLIC.

alter default privileges for role postgres, supabase_admin in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres, supabase_admin in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres, supabase_admin in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;

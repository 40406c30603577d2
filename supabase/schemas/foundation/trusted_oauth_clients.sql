-- A token that Auth issues to an OAuth client has the role `authenticated` and the user's id, as the user's own
-- session has. Only its claim `client_id` distinguishes them, and OAuth scopes do not restrict the database. So a
-- client acts as a visitor unless the operator trusts it, and even a trusted one is kept from keys, credits and the
-- export.
--
-- The operator writes this table as `postgres`.
create table private.trusted_oauth_clients (
  client_id text primary key,
  name text not null,
  created_at timestamptz not null default now(),
  constraint trusted_oauth_clients_client_id_not_blank check (client_id ~ '\S'),
  constraint trusted_oauth_clients_name_length check (char_length(name) <= 200 and name ~ '\S')
);

comment on table private.trusted_oauth_clients is
  'OAuth clients whose tokens act as the user who approved them. Every other client acts as a visitor.';
comment on column private.trusted_oauth_clients.client_id is 'The client''s id as Auth issued it, which its tokens carry.';
comment on column private.trusted_oauth_clients.name is 'What the operator calls it.';

revoke all on private.trusted_oauth_clients from public, anon, authenticated, service_role;

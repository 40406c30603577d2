-- Each migration is committed by itself, so the first one checks what the project must have: without Vault nothing at
-- all is applied, instead of half of it.
do $$
begin
  if to_regprocedure('vault.create_secret(text, text, text, uuid)') is null then
    raise exception 'Pinebase keeps its secrets in Vault: enable the extension supabase_vault in the project, then push again.';
  end if;
end;
$$;

-- `public` is what the Data API exposes: tables under row-level security and thin functions that run as their
-- caller. `private` holds the implementations behind them; the API roles have no usage on it, so no request can name
-- anything in it.
create schema private;

comment on schema private is
  'Implementations, trigger functions and helpers. Not exposed; the API roles have no usage on it.';

-- Hosted projects have both already; a bare Postgres 17 gets them here.
create schema if not exists extensions;

create extension if not exists pgcrypto with schema extensions;

revoke all on schema private from public, anon, authenticated, service_role;

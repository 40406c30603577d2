-- Moves the tables and functions of Pinebase's original schema out of the way: to schema legacy, rows,
-- indexes and policies included. Where they do not exist, as in a new local database, nothing moves.
create schema if not exists legacy;

comment on schema legacy is 'The tables of the original schema, as they were before Pinebase was added.';

revoke all on schema legacy from public;

alter table if exists public.users set schema legacy;
alter table if exists public.api_keys set schema legacy;
alter table if exists public.indicators set schema legacy;
alter table if exists public.custom_indicators set schema legacy;
alter table if exists public.strategies set schema legacy;
alter table if exists public.strategy_versions set schema legacy;
alter table if exists public.strategy_components set schema legacy;
alter table if exists public.subscriptions set schema legacy;
alter table if exists public.coupons set schema legacy;
alter table if exists public.user_coupons set schema legacy;

-- `alter function` knows no `if exists`.
do $$
begin
  if to_regprocedure('public.encrypt_api_key(text, text)') is not null then
    alter function public.encrypt_api_key(text, text) set schema legacy;
  end if;
  if to_regprocedure('public.decrypt_api_key(text, text)') is not null then
    alter function public.decrypt_api_key(text, text) set schema legacy;
  end if;
end;
$$;

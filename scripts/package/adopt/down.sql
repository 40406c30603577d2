-- Moves the tables and functions of the original schema back to where they were.
alter table if exists legacy.users set schema public;
alter table if exists legacy.api_keys set schema public;
alter table if exists legacy.indicators set schema public;
alter table if exists legacy.custom_indicators set schema public;
alter table if exists legacy.strategies set schema public;
alter table if exists legacy.strategy_versions set schema public;
alter table if exists legacy.strategy_components set schema public;
alter table if exists legacy.subscriptions set schema public;
alter table if exists legacy.coupons set schema public;
alter table if exists legacy.user_coupons set schema public;

do $$
begin
  if to_regprocedure('legacy.encrypt_api_key(text, text)') is not null then
    alter function legacy.encrypt_api_key(text, text) set schema public;
  end if;
  if to_regprocedure('legacy.decrypt_api_key(text, text)') is not null then
    alter function legacy.decrypt_api_key(text, text) set schema public;
  end if;
end;
$$;

drop schema legacy;

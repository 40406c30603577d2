-- Errors are raised or returned with an identifier of the registry.
begin;

create extension if not exists pgtap with schema extensions;

select plan(12);

create function pg_temp.raised(statement text)
returns text[]
language plpgsql
as $$
declare
  v_detail text;
  v_hint text;
begin
  execute statement;
  return null;
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    return array[sqlstate, sqlerrm, nullif(v_detail, ''), nullif(v_hint, '')];
end;
$$;

select is(
  pg_temp.raised($$select private.raise_error('rate_limited', 'Wait.', '{"retry_after": 5}')$$),
  array['PT429', 'Wait.', 'rate_limited', '{"retry_after": 5}'],
  'an error has its status, message, identifier and facts'
);
select is(
  pg_temp.raised($$select private.raise_error('rate_limited', 'Wait.')$$),
  array['PT429', 'Wait.', 'rate_limited', null],
  'an error without facts has no hint'
);
select throws_ok($$select private.raise_error('made_up', 'x')$$, 'P0001', null, 'an unregistered identifier cannot be raised');

select is(
  private.error_result('coupon_expired', 'Gone.', '{"code": "X"}'),
  '{"ok": false, "error": {"code": "coupon_expired", "status": 410, "message": "Gone.", "facts": {"code": "X"}}}'::jsonb,
  'an error can be returned as a value'
);
select is(private.error_result('coupon_expired', 'Gone.') -> 'error' -> 'facts', 'null'::jsonb, 'a returned error without facts has null');
select throws_ok($$select private.error_result('made_up', 'x')$$, 'P0001', null, 'an unregistered identifier cannot be returned');

select is((select count(*) from private.error_codes), 31::bigint, 'the registry has the contract''s 31 identifiers');
select throws_ok(
  $$insert into private.error_codes (identifier, status, meaning) values ('fine', 200, 'x')$$, '23514', null,
  'a status that is no HTTP error cannot be registered'
);

alter table public.strategies
  drop constraint strategies_timeframe_known,
  add constraint strategies_timeframe_known check (timeframe in ('1m', '1w')) not valid,
  drop constraint strategies_name_length,
  add constraint strategies_name_length check (char_length(name) <= 7) not valid,
  add constraint strategies_name_is_free check (name <> 'taken') not valid;
comment on constraint strategies_timeframe_known on public.strategies is 'timeframe: Choose one of %s.';
comment on constraint strategies_name_length on public.strategies is 'name: Give a name of at most %s characters.';

select is(
  pg_temp.raised($$select private.refuse_argument('strategies_timeframe_known')$$),
  array['PT422', 'Choose one of 1m, 1w.', 'invalid_argument', '{"enum": ["1m", "1w"], "argument": "timeframe"}'],
  'the allowed values of an argument are those of the check constraint'
);
select is(
  pg_temp.raised($$select private.check_argument('strategies_timeframe_known', '1h')$$),
  array['PT422', 'Choose one of 1m, 1w.', 'invalid_argument', '{"enum": ["1m", "1w"], "argument": "timeframe"}'],
  'also for an argument that is not written'
);

insert into auth.users (id, email) values (md5('owner')::uuid, 'owner@example.com');
select set_config('request.jwt.claims', jsonb_build_object('sub', md5('owner')::uuid, 'role', 'authenticated')::text, true);
select is(
  pg_temp.raised($$select private.save_strategy('too long', '{}')$$),
  array['PT422', 'Give a name of at most 7 characters.', 'invalid_argument', '{"maximum": 7, "argument": "name"}'],
  'the limit of an argument is that of the check constraint'
);
select throws_ok(
  $$select private.save_strategy('taken', '{}')$$, '23514', null,
  'a check constraint without such a comment is raised as it is'
);

select * from finish();

rollback;

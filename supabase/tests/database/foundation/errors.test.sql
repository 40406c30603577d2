-- Errors: raised or returned, always from the registry.
begin;

create extension if not exists pgtap with schema extensions;

select plan(8);

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
  'an error carries its status, sentence, identifier and facts'
);
select is(
  pg_temp.raised($$select private.raise_error('rate_limited', 'Wait.')$$),
  array['PT429', 'Wait.', 'rate_limited', null],
  'without facts it has no hint'
);
select throws_ok($$select private.raise_error('made_up', 'x')$$, 'P0001', null, 'an unregistered identifier cannot be raised');

select is(
  private.error_result('coupon_expired', 'Gone.', '{"code": "X"}'),
  '{"ok": false, "error": {"code": "coupon_expired", "status": 410, "message": "Gone.", "facts": {"code": "X"}}}'::jsonb,
  'the same error as a value'
);
select is(private.error_result('coupon_expired', 'Gone.') -> 'error' -> 'facts', 'null'::jsonb, 'without facts they are null');
select throws_ok($$select private.error_result('made_up', 'x')$$, 'P0001', null, 'an unregistered identifier cannot be returned');

select is((select count(*) from private.error_codes), 31::bigint, 'the registry has the contract''s 31 identifiers');
select throws_ok(
  $$insert into private.error_codes (identifier, status, meaning) values ('fine', 200, 'x')$$, '23514', null,
  'a registered status is an HTTP error'
);

select * from finish();

rollback;

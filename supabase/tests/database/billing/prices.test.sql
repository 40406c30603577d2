-- Prices and packs: which prices can be stored, and how many can be current.
begin;

create extension if not exists pgtap with schema extensions;

select plan(11);

create function pg_temp.price(id text, changes jsonb default '{}')
returns text
language plpgsql
as $$
declare
  v_row jsonb := jsonb_build_object(
    'provider', 'stripe', 'provider_price_id', id, 'plan_type', 'premium_monthly', 'currency', 'xts',
    'unit_amount', 900, 'interval', 'month', 'interval_count', 1, 'is_current', true
  ) || changes;
  v_constraint text;
begin
  insert into public.prices
    (provider, provider_price_id, plan_type, pack_type, currency, unit_amount, interval, interval_count, is_current)
  select r.provider, r.provider_price_id, r.plan_type, r.pack_type, r.currency, r.unit_amount, r.interval, r.interval_count, r.is_current
  from jsonb_populate_record(null::public.prices, v_row) as r;
  return 'stored';
exception
  when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    return v_constraint;
end;
$$;

select set_eq(
  $$select p.pack_type, p.credits, p.is_active from public.credit_packs as p where p.pack_type in ('credits_100', 'credits_1000')$$,
  $$values ('credits_100', 100, true), ('credits_1000', 1000, true)$$,
  'two packs ship'
);
select is(pg_temp.price('price_a'), 'stored', 'a price of a plan is stored');
select is(pg_temp.price('price_a'), 'prices_provider_price_id_key', 'a provider''s price can be stored once');
select is(pg_temp.price('price_b'), 'prices_one_current', 'two prices of one plan, currency and interval cannot both be current');
select is(pg_temp.price('price_b', '{"is_current": false}'), 'stored', 'a price that is not current can be stored beside the current one');
select is(pg_temp.price('price_c', '{"currency": "xxx"}'), 'stored', 'a current price in another currency can be stored');
select is(
  pg_temp.price('price_d', '{"pack_type": "credits_100"}'), 'prices_sells_one_thing', 'a price of both a plan and a pack is refused'
);
select is(pg_temp.price('price_d', '{"interval": null}'), 'prices_interval_fits', 'a plan''s price without an interval is refused');
select is(
  pg_temp.price('price_d', '{"plan_type": null, "pack_type": "credits_100", "interval": null}'), 'stored', 'a pack''s price without an interval is stored'
);
select is(pg_temp.price('price_e', '{"currency": "USD"}'), 'prices_currency_form', 'a currency in capitals is refused');
select is(pg_temp.price('price_e', '{"currency": "xua", "unit_amount": -1}'), 'prices_unit_amount_not_negative', 'a negative amount is refused');

select * from finish();

rollback;

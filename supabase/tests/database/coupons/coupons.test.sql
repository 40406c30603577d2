-- Coupons: counted exactly, tried ten times in ten minutes, never listed.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@coupons.test'
from unnest(array['first', 'second', 'third', 'guesser']) as who;

insert into public.coupons (id, code, discount_percent, description, max_uses, current_uses, expiration_date, is_active)
values
  (md5('open')::uuid, 'OPEN-20', 20, 'A fifth off', null, 0, now() + interval '1 day', true),
  (md5('one')::uuid, 'ONE-LEFT', 50, null, 2, 1, null, true),
  (md5('past')::uuid, 'PAST', 10, null, 5, 0, now(), true),
  (md5('off')::uuid, 'OFF', 10, null, null, 0, null, false);

create function pg_temp.redeem(who text, code text)
returns jsonb
language sql
as $$select public.redeem_coupon(md5(who)::uuid, code)$$;

create function pg_temp.preview(who text, code text)
returns jsonb
language sql
as $$select public.preview_coupon(md5(who)::uuid, code)$$;

-- Tries are not what these tests are about, until they are.
create function pg_temp.forget_tries()
returns void
language sql
as $$delete from private.attempts as a where a.bucket = 'try_coupon'$$;

-- --------------------------------------------------------------------- redeeming

select is(
  pg_temp.preview('first', 'OPEN-20'),
  jsonb_build_object(
    'ok', true,
    'coupon', jsonb_build_object(
      'code', 'OPEN-20', 'discount_percent', 20, 'description', 'A fifth off', 'expires_at', now() + interval '1 day'
    )
  ),
  'a preview shows what the coupon gives'
);
select is_empty($$select from public.user_coupons where user_id = md5('first')::uuid$$, 'and redeems nothing');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 0, 'nor takes a use');

select is(pg_temp.redeem('first', E' \topen-20\n') -> 'ok', 'true', 'a code is matched without regard to case and surrounding space');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'a redemption takes one use');
select results_eq(
  $$select coupon_id, applied_at is null and checkout_session_id is null from public.user_coupons where user_id = md5('first')::uuid$$,
  $$values (md5('open')::uuid, true)$$,
  'and is kept, unspent'
);

select is(pg_temp.redeem('first', 'OPEN-20') #>> '{error,code}', 'coupon_already_redeemed', 'a user redeems a coupon once');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'and the second try takes no use');
select is(pg_temp.preview('first', 'OPEN-20') #>> '{error,code}', 'coupon_already_redeemed', 'a preview says so too');

select is(pg_temp.redeem('second', 'ONE-LEFT') -> 'ok', 'true', 'the last use can be taken');
select is(pg_temp.redeem('third', 'ONE-LEFT') #>> '{error,code}', 'coupon_exhausted', 'and no more than that');
select is((select current_uses from public.coupons where code = 'ONE-LEFT'), 2, 'the uses stay within their maximum');
select is_empty($$select from public.user_coupons where user_id = md5('third')::uuid$$, 'and nothing is redeemed');
select is(pg_temp.redeem('second', 'ONE-LEFT') #>> '{error,code}', 'coupon_already_redeemed', 'who has it already is told that, not that it is exhausted');

select is(
  pg_temp.redeem('third', 'PAST') -> 'error',
  jsonb_build_object(
    'code', 'coupon_expired', 'status', 410, 'message', 'This coupon has expired.', 'facts', jsonb_build_object('expires_at', now())
  ),
  'from its expiration date on a coupon is expired'
);
select is(pg_temp.redeem('third', 'OFF') #>> '{error,code}', 'coupon_not_found', 'one that is switched off is not found');
select is(pg_temp.redeem('third', 'NO-SUCH') #>> '{error,code}', 'coupon_not_found', 'nor one that never was');
select is(
  pg_temp.redeem('third', 'OFF') #- '{error,facts}', pg_temp.redeem('third', 'NO-SUCH') #- '{error,facts}',
  'and the two answer alike'
);
select is(pg_temp.redeem('third', '') #>> '{error,code}', 'coupon_not_found', 'an empty code is nobody''s');
select is(pg_temp.redeem('third', null) #>> '{error,facts,argument}', 'code', 'no code at all is named as missing');
select is(pg_temp.preview('third', null) #>> '{error,facts,argument}', 'code', 'in a preview too');
select is(pg_temp.redeem('nobody', 'OPEN-20') #>> '{error,code}', 'user_not_found', 'nobody cannot redeem');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'and takes no use');
select throws_ok('select public.redeem_coupon(null, ''OPEN-20'')', 'PT422', null, 'who tries must be said');
select throws_ok('select public.preview_coupon(null, ''OPEN-20'')', 'PT422', null, 'in a preview too');

-- A trigger that refuses the redemption stands for whatever may go wrong there.
create function pg_temp.refuse()
returns trigger
language plpgsql
as $$
begin
  raise exception 'refused' using errcode = 'P0001';
end;
$$;
create trigger refuse before insert on public.user_coupons for each row execute function pg_temp.refuse();
select throws_ok($$select pg_temp.redeem('third', 'OPEN-20')$$, 'P0001', null, 'a redemption that cannot be kept fails');
drop trigger refuse on public.user_coupons;
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'and takes no use');

-- ------------------------------------------------------------------------- tries

select pg_temp.forget_tries();

select is(
  (select array_agg(pg_temp.redeem('guesser', 'GUESS-' || n) #>> '{error,code}' order by n) from generate_series(1, 9) as n),
  array_fill('coupon_not_found'::text, array[9]),
  'nine codes may be guessed'
);
select is(pg_temp.preview('guesser', 'GUESS-10') #>> '{error,code}', 'coupon_not_found', 'a preview is the tenth');
select is(pg_temp.redeem('guesser', 'OPEN-20') #>> '{error,code}', 'rate_limited', 'the eleventh is refused, though the code is right');
select is(pg_temp.preview('guesser', 'OPEN-20') #>> '{error,code}', 'rate_limited', 'and so is a preview');
select ok(
  (pg_temp.redeem('guesser', 'OPEN-20') #>> '{error,facts,retry_after}')::integer between 590 and 600,
  'the facts say how many seconds to wait'
);
select is_empty($$select from public.user_coupons where user_id = md5('guesser')::uuid$$, 'nothing was redeemed');
select is(pg_temp.redeem('third', 'OPEN-20') -> 'ok', 'true', 'another user is not affected');

update private.attempts as a
set attempted_at = array(select t - interval '10 minutes' from unnest(a.attempted_at) as t)
where a.user_id = md5('guesser')::uuid;
select is(pg_temp.redeem('guesser', 'OPEN-20') -> 'ok', 'true', 'ten minutes later it is allowed again');

select pg_temp.forget_tries();
select pg_temp.redeem('guesser', code)
from unnest(array['ONE-LEFT', 'PAST', 'OFF', 'OPEN-20', null, '', 'ONE-LEFT', 'PAST', 'OFF', 'OPEN-20']) as code;
select is(
  pg_temp.redeem('guesser', 'NO-SUCH') #>> '{error,code}', 'rate_limited', 'every try counts, whatever became of it'
);

-- ------------------------------------------------------------------------ the sum

select is_empty(
  $$select c.code
    from public.coupons as c
    where c.id <> md5('one')::uuid
      and c.current_uses <> (select count(*) from public.user_coupons as r where r.coupon_id = c.id)
      and c.code in ('OPEN-20', 'PAST', 'OFF')$$,
  'uses are as many as redemptions'
);

select * from finish();

rollback;

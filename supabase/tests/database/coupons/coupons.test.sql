-- Coupons: uses are counted exactly, and a user has ten attempts in ten minutes.
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

-- Deletes the attempts, so that the limit does not affect the tests of other rules.
create function pg_temp.delete_attempts()
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
  'a preview returns the coupon'
);
select is_empty($$select from public.user_coupons where user_id = md5('first')::uuid$$, 'a preview redeems nothing');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 0, 'a preview takes no use');

select is(pg_temp.redeem('first', E' \topen-20\n') -> 'ok', 'true', 'a code is found without regard to case and surrounding space');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'a redemption takes one use');
select results_eq(
  $$select coupon_id, applied_at is null and checkout_session_id is null from public.user_coupons where user_id = md5('first')::uuid$$,
  $$values (md5('open')::uuid, true)$$,
  'a redemption is stored as unspent'
);

select is(pg_temp.redeem('first', 'OPEN-20') #>> '{error,code}', 'coupon_already_redeemed', 'a user can redeem a coupon only once');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'a second redemption takes no use');
select is(pg_temp.preview('first', 'OPEN-20') #>> '{error,code}', 'coupon_already_redeemed', 'a preview of a redeemed coupon is refused');

select is(pg_temp.redeem('second', 'ONE-LEFT') -> 'ok', 'true', 'the last use of a coupon can be taken');
select is(pg_temp.redeem('third', 'ONE-LEFT') #>> '{error,code}', 'coupon_exhausted', 'a coupon without uses left is exhausted');
select is((select current_uses from public.coupons where code = 'ONE-LEFT'), 2, 'the uses do not exceed their maximum');
select is_empty($$select from public.user_coupons where user_id = md5('third')::uuid$$, 'an exhausted coupon is not redeemed');
select is(pg_temp.redeem('second', 'ONE-LEFT') #>> '{error,code}', 'coupon_already_redeemed', 'a user who has redeemed an exhausted coupon gets coupon_already_redeemed');

select is(
  pg_temp.redeem('third', 'PAST') -> 'error',
  jsonb_build_object(
    'code', 'coupon_expired', 'status', 410, 'message', 'This coupon has expired.', 'facts', jsonb_build_object('expires_at', now())
  ),
  'a coupon is expired from its expiration date on'
);
select is(pg_temp.redeem('third', 'OFF') #>> '{error,code}', 'coupon_not_found', 'an inactive coupon is not found');
select is(pg_temp.redeem('third', 'NO-SUCH') #>> '{error,code}', 'coupon_not_found', 'an unknown code is not found');
select is(
  pg_temp.redeem('third', 'OFF') #- '{error,facts}', pg_temp.redeem('third', 'NO-SUCH') #- '{error,facts}',
  'an inactive and an unknown coupon get the same answer'
);
select is(pg_temp.redeem('third', '') #>> '{error,code}', 'coupon_not_found', 'an empty code is not found');
select is(pg_temp.redeem('third', null) #>> '{error,facts,argument}', 'code', 'redeem_coupon names a missing code');
select is(pg_temp.preview('third', null) #>> '{error,facts,argument}', 'code', 'preview_coupon names a missing code');
select is(pg_temp.redeem('nobody', 'OPEN-20') #>> '{error,code}', 'user_not_found', 'an unknown user cannot redeem a coupon');
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'an unknown user takes no use');
select throws_ok('select public.redeem_coupon(null, ''OPEN-20'')', 'PT422', null, 'redeem_coupon needs a user');
select throws_ok('select public.preview_coupon(null, ''OPEN-20'')', 'PT422', null, 'preview_coupon needs a user');

-- This trigger stands for any error while a redemption is stored.
create function pg_temp.refuse()
returns trigger
language plpgsql
as $$
begin
  raise exception 'refused' using errcode = 'P0001';
end;
$$;
create trigger refuse before insert on public.user_coupons for each row execute function pg_temp.refuse();
select throws_ok($$select pg_temp.redeem('third', 'OPEN-20')$$, 'P0001', null, 'a redemption that cannot be stored fails');
drop trigger refuse on public.user_coupons;
select is((select current_uses from public.coupons where code = 'OPEN-20'), 1, 'a redemption that cannot be stored takes no use');

-- ---------------------------------------------------------------------- attempts

select pg_temp.delete_attempts();

select is(
  (select array_agg(pg_temp.redeem('guesser', 'GUESS-' || n) #>> '{error,code}' order by n) from generate_series(1, 9) as n),
  array_fill('coupon_not_found'::text, array[9]),
  'nine wrong codes can be tried'
);
select is(pg_temp.preview('guesser', 'GUESS-10') #>> '{error,code}', 'coupon_not_found', 'a preview counts as the tenth attempt');
select is(pg_temp.redeem('guesser', 'OPEN-20') #>> '{error,code}', 'rate_limited', 'the eleventh attempt is refused, even with a correct code');
select is(pg_temp.preview('guesser', 'OPEN-20') #>> '{error,code}', 'rate_limited', 'a preview after ten attempts is refused');
select ok(
  (pg_temp.redeem('guesser', 'OPEN-20') #>> '{error,facts,retry_after}')::integer between 590 and 600,
  'the facts contain the seconds to wait'
);
select is_empty($$select from public.user_coupons where user_id = md5('guesser')::uuid$$, 'a refused attempt redeems nothing');
select is(pg_temp.redeem('third', 'OPEN-20') -> 'ok', 'true', 'the limit of one user does not affect another');

update private.attempts as a
set attempted_at = array(select t - interval '10 minutes' from unnest(a.attempted_at) as t)
where a.user_id = md5('guesser')::uuid;
select is(pg_temp.redeem('guesser', 'OPEN-20') -> 'ok', 'true', 'ten minutes later attempts are allowed again');

select pg_temp.delete_attempts();
select pg_temp.redeem('guesser', code)
from unnest(array['ONE-LEFT', 'PAST', 'OFF', 'OPEN-20', null, '', 'ONE-LEFT', 'PAST', 'OFF', 'OPEN-20']) as code;
select is(
  pg_temp.redeem('guesser', 'NO-SUCH') #>> '{error,code}', 'rate_limited', 'every attempt counts, whatever its result'
);

-- ------------------------------------------------------------------------ the sum

select is_empty(
  $$select c.code
    from public.coupons as c
    where c.id <> md5('one')::uuid
      and c.current_uses <> (select count(*) from public.user_coupons as r where r.coupon_id = c.id)
      and c.code in ('OPEN-20', 'PAST', 'OFF')$$,
  'each coupon has as many uses as redemptions'
);

select * from finish();

rollback;

-- Attempts are counted in a sliding window, separately for each user and bucket.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- Moves a user's attempts back in time.
create function pg_temp.age(who text, seconds double precision)
returns void
language sql
as $$
  update private.attempts
  set attempted_at = array(select t - make_interval(secs => seconds) from unnest(attempted_at) as t order by t),
      expires_at = expires_at - make_interval(secs => seconds)
  where user_id = md5(who)::uuid
$$;

create function pg_temp.take(who text, max_attempts integer default 3)
returns integer
language sql
as $$
  select private.take_attempt('test_bucket', md5(who)::uuid, max_attempts, interval '1 minute')
$$;

select is(array[pg_temp.take('ada'), pg_temp.take('ada'), pg_temp.take('ada')], array[null, null, null]::integer[], 'attempts up to the maximum are allowed');
select is(pg_temp.take('ada'), 60, 'the next attempt is refused with the seconds to wait');
select is(pg_temp.take('ada'), 60, 'a refused attempt does not extend the wait');
select is((select cardinality(attempted_at) from private.attempts where user_id = md5('ada')::uuid), 3, 'a refused attempt is not counted');
select is(pg_temp.take('bob'), null, 'another user is not affected');
select is(private.take_attempt('other_bucket', md5('ada')::uuid, 3, interval '1 minute'), null, 'another bucket is not affected');

select pg_temp.age('ada', 45.5);
select is(pg_temp.take('ada'), 15, 'the wait shrinks as the window slides, in whole seconds');

-- One attempt was made 45 s ago, the others now.
select pg_temp.take('eve');
select pg_temp.age('eve', 45.5);
select pg_temp.take('eve');
select pg_temp.take('eve');
select is(pg_temp.take('eve'), 15, 'the wait ends when the oldest attempt leaves the window');
select pg_temp.age('eve', 15);
select is(pg_temp.take('eve'), null, 'one attempt is allowed then');
select is(pg_temp.take('eve'), 45, 'a second one is refused, because the window slides instead of starting again');
select is((select cardinality(attempted_at) from private.attempts where user_id = md5('eve')::uuid), 3, 'attempts outside the window are deleted');

select is(pg_temp.take('eve', 1), 60, 'with a lower maximum the wait is for as many attempts as are too many');
select is(pg_temp.take('eve', 4), null, 'with a higher maximum an attempt is allowed');

select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, null, '1 minute')$$, 'P0001', null, 'a maximum of null is refused');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 0, '1 minute')$$, 'P0001', null, 'a maximum of 0 is refused');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 1, null)$$, 'P0001', null, 'a window of null is refused');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 1, '0')$$, 'P0001', null, 'a window of length 0 is refused');
select throws_ok($$select private.take_attempt('test_bucket', null, 1, '1 minute')$$, 'P0001', null, 'a user of null is refused');
select throws_ok($$select private.take_attempt(null, md5('ada')::uuid, 1, '1 minute')$$, 'P0001', null, 'a bucket of null is refused');

-- --------------------------------------------------------------------------- sweep

select private.sweep_attempts();
select pg_temp.take('old');
select pg_temp.age('old', 61);
select pg_temp.take('young');
select pg_temp.age('young', 59);

select is(private.sweep_attempts(), 1, 'the sweep deletes attempts that have left their window');
select is_empty($$select from private.attempts where user_id = md5('old')::uuid$$, 'a row without attempts in its window is deleted');
select isnt_empty($$select from private.attempts where user_id = md5('young')::uuid$$, 'a row with an attempt in its window is kept');
select is(pg_temp.take('old'), null, 'after the sweep attempts are allowed again');

select * from finish();

rollback;

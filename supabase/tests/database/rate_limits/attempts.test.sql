-- Attempts are counted in a window that slides, for each user and thing alone.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- Puts a user's attempts back in time, as if they had been made then.
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
select is(pg_temp.take('ada'), 60, 'the next one is told how long to wait');
select is(pg_temp.take('ada'), 60, 'and trying again does not make it longer');
select is((select cardinality(attempted_at) from private.attempts where user_id = md5('ada')::uuid), 3, 'what is refused is not counted');
select is(pg_temp.take('bob'), null, 'another user has a window of their own');
select is(private.take_attempt('other_bucket', md5('ada')::uuid, 3, interval '1 minute'), null, 'and so has another thing');

select pg_temp.age('ada', 45.5);
select is(pg_temp.take('ada'), 15, 'the wait shrinks as the window slides, in whole seconds');

-- One attempt 45 s ago, the others now: only that one leaves.
select pg_temp.take('eve');
select pg_temp.age('eve', 45.5);
select pg_temp.take('eve');
select pg_temp.take('eve');
select is(pg_temp.take('eve'), 15, 'a full window opens when its oldest attempt leaves');
select pg_temp.age('eve', 15);
select is(pg_temp.take('eve'), null, 'and has room for one then');
select is(pg_temp.take('eve'), 45, 'and not for two: the window slides, it does not start anew');
select is((select cardinality(attempted_at) from private.attempts where user_id = md5('eve')::uuid), 3, 'attempts outside the window are forgotten');

select is(pg_temp.take('eve', 1), 60, 'with a lower maximum one waits for as many as are too many');
select is(pg_temp.take('eve', 4), null, 'with a higher one there is room');

select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, null, '1 minute')$$, 'P0001', null, 'no maximum is a mistake, not no limit');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 0, '1 minute')$$, 'P0001', null, 'nor is a maximum of none');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 1, null)$$, 'P0001', null, 'no window is a mistake');
select throws_ok($$select private.take_attempt('test_bucket', md5('ada')::uuid, 1, '0')$$, 'P0001', null, 'nor is a window of no length');
select throws_ok($$select private.take_attempt('test_bucket', null, 1, '1 minute')$$, 'P0001', null, 'no user is a mistake');
select throws_ok($$select private.take_attempt(null, md5('ada')::uuid, 1, '1 minute')$$, 'P0001', null, 'nothing to try is a mistake');

-- --------------------------------------------------------------------------- sweep

select private.sweep_attempts();
select pg_temp.take('old');
select pg_temp.age('old', 61);
select pg_temp.take('young');
select pg_temp.age('young', 59);

select is(private.sweep_attempts(), 1, 'the sweep takes what has left its window');
select is_empty($$select from private.attempts where user_id = md5('old')::uuid$$, 'that row is gone');
select isnt_empty($$select from private.attempts where user_id = md5('young')::uuid$$, 'a row that still counts stays');
select is(pg_temp.take('old'), null, 'who was swept starts anew');

select * from finish();

rollback;

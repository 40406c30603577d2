-- Credits move by four functions, each request once.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
values
  (md5('saver')::uuid, 'authenticated', 'authenticated', 'saver@functions.test'),
  (md5('other')::uuid, 'authenticated', 'authenticated', 'other@functions.test'),
  (md5('phone')::uuid, 'authenticated', 'authenticated', null);

create function pg_temp.sign_in(who text)
returns void
language sql
as $$
  select set_config('request.jwt.claims', case who when '' then '' else jsonb_build_object('sub', md5(who)::uuid)::text end, true)
$$;

-- Identifier and facts of the error that a statement raises.
create function pg_temp.error_of(statement text)
returns jsonb
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
    return jsonb_build_array(sqlstate, v_detail, nullif(v_hint, '')::jsonb);
end;
$$;

create function pg_temp.balance(who text)
returns integer
language sql
as $$select u.credits from public.users as u where u.id = md5(who)::uuid$$;

create function pg_temp.rows_of(who text)
returns bigint
language sql
as $$select count(*) from public.credit_transactions as t where t.user_id = md5(who)::uuid$$;

-- ---------------------------------------------------------------------- consuming

select is(
  pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'not_authenticated', 'nobody in particular has no credits to spend'
);

select pg_temp.sign_in('saver');

select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": false}'::jsonb,
  'what is consumed is taken'
);
select results_eq(
  $$select kind, delta, balance_after, reason, idempotency_key
    from public.credit_transactions where user_id = md5('saver')::uuid order by id desc limit 1$$,
  $$values ('consume', -2, 3, 'An idea', 'saver-key-1')$$,
  'and is a row of the ledger'
);
select is(
  (public.consume_credits(2, 'An idea', 'saver-key-1') ->> 'transaction_id')::bigint,
  (select max(id) from public.credit_transactions where user_id = md5('saver')::uuid),
  'a repeat answers the first transaction'
);
select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'says so'
);
select is(pg_temp.balance('saver'), 3, 'and takes nothing');
select is(pg_temp.rows_of('saver'), 2::bigint, 'and writes nothing');

select is(
  pg_temp.error_of($$select public.consume_credits(1, 'An idea', 'saver-key-1')$$) ->> 1,
  'idempotency_key_reused', 'a key with another amount is refused'
);
select is(
  pg_temp.error_of($$select public.consume_credits(2, 'Another idea', 'saver-key-1')$$) ->> 1,
  'idempotency_key_reused', 'a key with another reason is refused'
);
select is(
  pg_temp.error_of($$select public.consume_credits(2, null, 'saver-key-1')$$) ->> 1,
  'idempotency_key_reused', 'a key without its reason is refused'
);

select is(
  pg_temp.error_of('select public.consume_credits(4)'),
  '["PT402", "insufficient_credits", {"amount": 4, "balance": 3}]'::jsonb,
  'more than the balance is refused, and the facts say how much there is'
);
select is(public.consume_credits(3) -> 'balance', '0'::jsonb, 'all of it may go');
select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'a repeat is answered though nothing is left'
);
select is(pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'insufficient_credits', 'nothing comes of nothing');
select is(
  pg_temp.error_of('select public.consume_credits(2147483647)') ->> 1, 'insufficient_credits', 'nor does all there could be'
);

select is(
  pg_temp.error_of(format('select public.consume_credits(%L)', amount)) -> 2 ->> 'argument', 'amount',
  format('an amount of %s is refused', coalesce(amount::text, 'null'))
)
from unnest(array[0, -1, -2147483648, null]) as amount;

select is(
  pg_temp.error_of(format('select public.consume_credits(1, null, %L)', key)) -> 2 ->> 'argument', 'idempotency_key',
  format('the key %s is refused', to_json(left(key, 20)))
)
from unnest(array['', 'short-7', repeat('x', 65), 'with space', 'service:key-1', E'line\nbreak-1', 'ümlaut-key', 'saver-key-1' || chr(10)]) as key;

select is(
  pg_temp.error_of($$select public.consume_credits(1, repeat('x', 4001))$$) -> 2 ->> 'argument', 'reason',
  'a reason of more than 4,000 characters is refused'
);

select pg_temp.sign_in('phone');
select is(pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'email_required', 'who has no email has no credits');

delete from public.users where id = md5('other')::uuid;
delete from private.deleted_users;
select pg_temp.sign_in('other');
select is(public.consume_credits(1) -> 'balance', '4'::jsonb, 'an account that was missing is made first');
select pg_temp.sign_in('');

-- ----------------------------------------------------------------------- charging

select is(
  public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": false}'::jsonb,
  'a charge takes'
);
select is(
  public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'once'
);

select pg_temp.sign_in('other');
select is(
  public.consume_credits(2, 'Mine', 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": false}'::jsonb,
  'a user''s key is not the system''s, though they be alike'
);
select is(
  public.consume_credits(1, 'Mine', 'job-key-2') -> 'balance', '0'::jsonb, 'nor can a user use one up'
);
select pg_temp.sign_in('');
select is(
  pg_temp.error_of($$select public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-2')$$) ->> 1,
  'insufficient_credits', 'before the system does'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('other')::uuid, 'job-key-2')$$) -> 2 ->> 'argument',
  'idempotency_key', 'and what a user spent by themselves is not refunded by its key'
);
select is(pg_temp.balance('other'), 0, 'so that a refund after a charge that failed gives nothing away');

-- ---------------------------------------------------------------------- refunding

select is(
  public.refund_credits(md5('other')::uuid, 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": false}'::jsonb,
  'a refund gives the charge back'
);
select results_eq(
  $$select r.kind, r.delta, r.balance_after, r.reason, c.idempotency_key
    from public.credit_transactions as r
    join public.credit_transactions as c on c.id = r.refund_of
    where r.user_id = md5('other')::uuid order by r.id desc limit 1$$,
  $$values ('refund', 1, 1, 'A strategy', 'service:job-key-1')$$,
  'and says which'
);
select is(
  public.refund_credits(md5('other')::uuid, 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": true}'::jsonb,
  'once'
);
select is(pg_temp.balance('other'), 1, 'and no more');
select is(
  pg_temp.error_of($$select public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1')$$) ->> 1,
  'idempotency_key_reused', 'a charge cannot be repeated after its refund: the work would be free'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('other')::uuid, 'no-such-key')$$) ->> 1,
  'invalid_argument', 'what was not charged is not refunded'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('saver')::uuid, 'job-key-1')$$) ->> 1,
  'invalid_argument', 'another user''s charge is not refunded'
);

-- ----------------------------------------------------------------------- granting

select is(
  public.grant_credits(md5('other')::uuid, 10, 'Sorry', 'grant-key-1') - 'transaction_id',
  '{"balance": 11, "replayed": false}'::jsonb, 'a grant gives'
);
select is(
  public.grant_credits(md5('other')::uuid, 10, 'Sorry', 'grant-key-1') - 'transaction_id',
  '{"balance": 11, "replayed": true}'::jsonb, 'once'
);
select is(public.grant_credits(md5('other')::uuid, 1) -> 'balance', '12'::jsonb, 'without a key every call counts');
select is(public.grant_credits(md5('other')::uuid, 1) -> 'balance', '13'::jsonb, 'and counts again');
select is(
  pg_temp.error_of($$select public.grant_credits(md5('other')::uuid, 2147483647)$$) -> 2,
  '{"argument": "amount", "maximum": 2147483634}'::jsonb, 'more than a balance can hold is refused'
);

-- -------------------------------------------------------------------- for all three

select is(
  pg_temp.error_of(format('select public.%s', call)) ->> 1, 'user_not_found', call || ' knows nobody of that id'
)
from unnest(array[
  $$charge_credits(md5('nobody')::uuid, 1)$$, $$grant_credits(md5('nobody')::uuid, 1)$$,
  $$grant_credits(md5('phone')::uuid, 1)$$, $$refund_credits(md5('nobody')::uuid, 'job-key-1')$$
]) as call;

select is(
  pg_temp.error_of(format('select public.%s', call)) -> 2 ->> 'argument', argument, call || ' names what is missing'
)
from (
  values
    ('charge_credits(null, 1)', 'user_id'), ('grant_credits(null, 1)', 'user_id'), ($$refund_credits(null, 'job-key-1')$$, 'user_id'),
    ($$charge_credits(md5('other')::uuid, null)$$, 'amount'), ($$charge_credits(md5('other')::uuid, 0)$$, 'amount'),
    ($$grant_credits(md5('other')::uuid, -1)$$, 'amount'), ($$refund_credits(md5('other')::uuid, null)$$, 'idempotency_key'),
    ($$charge_credits(md5('other')::uuid, 1, null, 'bad:key:here')$$, 'idempotency_key')
) as wrong (call, argument);

-- ------------------------------------------------------------------- the ledger check

set constraints all immediate;

select is_empty('select * from private.check_ledger()', 'after all that every ledger adds up');

set constraints all deferred;
update public.users set credits = 100 where id = md5('other')::uuid;
select results_eq(
  'select account_id, credits, ledger_sum, ledger_balance, broken_rows from private.check_ledger()',
  $$values (md5('other')::uuid, 100, 13::bigint, 13, 0::bigint)$$,
  'a balance without its ledger is found'
);
select is_empty($$select * from private.check_ledger(md5('saver')::uuid)$$, 'asked for one user it tells of that one');

-- Whole tables are read only where no index serves, whatever the planner's statistics say.
set local enable_seqscan = off;
create function pg_temp.tables_read_whole(statement text)
returns bigint
language plpgsql
as $$
declare
  v_before bigint;
begin
  select sum(t.seq_scan) into v_before from pg_stat_xact_user_tables as t where t.relname in ('users', 'credit_transactions');
  execute statement;
  return (select sum(t.seq_scan) - v_before from pg_stat_xact_user_tables as t where t.relname in ('users', 'credit_transactions'));
end;
$$;
select is(
  pg_temp.tables_read_whole($$select count(*) from private.check_ledger(md5('saver')::uuid)$$), 0::bigint,
  'and reads that one''s rows, not the whole ledger'
);
set local enable_seqscan = on;
update public.users set credits = 13 where id = md5('other')::uuid;

insert into public.credit_transactions (user_id, kind, delta, balance_after)
values (md5('other')::uuid, 'grant', 1, 20), (md5('other')::uuid, 'grant', 1, 15);
update public.users set credits = 15 where id = md5('other')::uuid;
select results_eq(
  'select account_id, broken_rows from private.check_ledger()',
  $$values (md5('other')::uuid, 1::bigint)$$,
  'a row that does not follow from the one before is found, though sum and end agree'
);

select * from finish();

rollback;

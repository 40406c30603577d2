-- The four functions that change credits: each request counts once.
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
  pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'not_authenticated', 'consuming credits needs a signed-in user'
);

select pg_temp.sign_in('saver');

select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": false}'::jsonb,
  'consuming credits lowers the balance'
);
select results_eq(
  $$select kind, delta, balance_after, reason, idempotency_key
    from public.credit_transactions where user_id = md5('saver')::uuid order by id desc limit 1$$,
  $$values ('consume', -2, 3, 'An idea', 'saver-key-1')$$,
  'consuming credits writes a ledger row'
);
select is(
  (public.consume_credits(2, 'An idea', 'saver-key-1') ->> 'transaction_id')::bigint,
  (select max(id) from public.credit_transactions where user_id = md5('saver')::uuid),
  'a repeat returns the first transaction'
);
select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'a repeat returns replayed and the first balance'
);
select is(pg_temp.balance('saver'), 3, 'a repeat takes nothing');
select is(pg_temp.rows_of('saver'), 2::bigint, 'a repeat writes no ledger row');

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
  'more than the balance is refused, and the facts contain the balance'
);
select is(public.consume_credits(3) -> 'balance', '0'::jsonb, 'the whole balance can be consumed');
select is(
  public.consume_credits(2, 'An idea', 'saver-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'a repeat is answered even if no credits are left'
);
select is(pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'insufficient_credits', 'without credits nothing can be consumed');
select is(
  pg_temp.error_of('select public.consume_credits(2147483647)') ->> 1, 'insufficient_credits', 'the highest amount is refused without credits'
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
select is(pg_temp.error_of('select public.consume_credits(1)') ->> 1, 'email_required', 'a user without an email has no credits');

delete from public.users where id = md5('other')::uuid;
delete from private.deleted_users;
select pg_temp.sign_in('other');
select is(public.consume_credits(1) -> 'balance', '4'::jsonb, 'consuming credits creates a missing account');
select pg_temp.sign_in('');

-- ----------------------------------------------------------------------- charging

select is(
  public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": false}'::jsonb,
  'a charge lowers the balance'
);
select is(
  public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1') - 'transaction_id',
  '{"balance": 3, "replayed": true}'::jsonb,
  'a repeated charge takes nothing'
);

select pg_temp.sign_in('other');
select is(
  public.consume_credits(2, 'Mine', 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": false}'::jsonb,
  'a user can use the same key as a charge'
);
select is(
  public.consume_credits(1, 'Mine', 'job-key-2') -> 'balance', '0'::jsonb, 'a user can use a key that no charge has used yet'
);
select pg_temp.sign_in('');
select is(
  pg_temp.error_of($$select public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-2')$$) ->> 1,
  'insufficient_credits', 'a key that a user has used can be used for a charge, which fails for lack of credits'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('other')::uuid, 'job-key-2')$$) -> 2 ->> 'argument',
  'idempotency_key', 'a user''s own consumption cannot be refunded by its key'
);
select is(pg_temp.balance('other'), 0, 'a refund after a failed charge gives no credits');

-- ---------------------------------------------------------------------- refunding

select is(
  public.refund_credits(md5('other')::uuid, 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": false}'::jsonb,
  'a refund returns the credits of a charge'
);
select results_eq(
  $$select r.kind, r.delta, r.balance_after, r.reason, c.idempotency_key
    from public.credit_transactions as r
    join public.credit_transactions as c on c.id = r.refund_of
    where r.user_id = md5('other')::uuid order by r.id desc limit 1$$,
  $$values ('refund', 1, 1, 'A strategy', 'service:job-key-1')$$,
  'a refund refers to its charge'
);
select is(
  public.refund_credits(md5('other')::uuid, 'job-key-1') - 'transaction_id', '{"balance": 1, "replayed": true}'::jsonb,
  'a repeated refund gives nothing'
);
select is(pg_temp.balance('other'), 1, 'the balance after a repeated refund is the same');
select is(
  pg_temp.error_of($$select public.charge_credits(md5('other')::uuid, 1, 'A strategy', 'job-key-1')$$) ->> 1,
  'idempotency_key_reused', 'a charge cannot be repeated after its refund, because the work would be free'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('other')::uuid, 'no-such-key')$$) ->> 1,
  'invalid_argument', 'a refund without a charge is refused'
);
select is(
  pg_temp.error_of($$select public.refund_credits(md5('saver')::uuid, 'job-key-1')$$) ->> 1,
  'invalid_argument', 'a refund of another user''s charge is refused'
);

-- ----------------------------------------------------------------------- granting

select is(
  public.grant_credits(md5('other')::uuid, 10, 'Sorry', 'grant-key-1') - 'transaction_id',
  '{"balance": 11, "replayed": false}'::jsonb, 'a grant raises the balance'
);
select is(
  public.grant_credits(md5('other')::uuid, 10, 'Sorry', 'grant-key-1') - 'transaction_id',
  '{"balance": 11, "replayed": true}'::jsonb, 'a repeated grant gives nothing'
);
select is(public.grant_credits(md5('other')::uuid, 1) -> 'balance', '12'::jsonb, 'a grant without a key gives credits');
select is(public.grant_credits(md5('other')::uuid, 1) -> 'balance', '13'::jsonb, 'a second grant without a key gives credits again');
select is(
  pg_temp.error_of($$select public.grant_credits(md5('other')::uuid, 2147483647)$$) -> 2,
  '{"argument": "amount", "maximum": 2147483634}'::jsonb, 'a grant beyond the highest balance is refused'
);

-- ---------------------------------------------------------- the service functions

select is(
  pg_temp.error_of(format('select public.%s', call)) ->> 1, 'user_not_found', call || ' refuses an unknown user'
)
from unnest(array[
  $$charge_credits(md5('nobody')::uuid, 1)$$, $$grant_credits(md5('nobody')::uuid, 1)$$,
  $$grant_credits(md5('phone')::uuid, 1)$$, $$refund_credits(md5('nobody')::uuid, 'job-key-1')$$
]) as call;

select is(
  pg_temp.error_of(format('select public.%s', call)) -> 2 ->> 'argument', argument, call || ' names the missing or invalid argument'
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

select is_empty('select * from private.check_ledger()', 'all ledgers add up after these requests');

set constraints all deferred;
update public.users set credits = 100 where id = md5('other')::uuid;
select results_eq(
  'select account_id, credits, ledger_sum, ledger_balance, broken_rows from private.check_ledger()',
  $$values (md5('other')::uuid, 100, 13::bigint, 13, 0::bigint)$$,
  'the ledger check finds a balance that differs from the ledger'
);
select is_empty($$select * from private.check_ledger(md5('saver')::uuid)$$, 'the ledger check for one user reports no other');

-- With this setting a whole table is read only if no index can be used, whatever the planner's statistics are.
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
  'the ledger check for one user reads no whole table'
);
set local enable_seqscan = on;
update public.users set credits = 13 where id = md5('other')::uuid;

insert into public.credit_transactions (user_id, kind, delta, balance_after)
values (md5('other')::uuid, 'grant', 1, 20), (md5('other')::uuid, 'grant', 1, 15);
update public.users set credits = 15 where id = md5('other')::uuid;
select results_eq(
  'select account_id, broken_rows from private.check_ledger()',
  $$values (md5('other')::uuid, 1::bigint)$$,
  'the ledger check finds a row that does not follow from the one before, even if the sum is right'
);

select * from finish();

rollback;

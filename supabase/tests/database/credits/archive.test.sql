-- The archive of the ledger and the audit trail: what is older than a year becomes sums, and nobody can tell by what is answered.
begin;

create extension if not exists pgtap with schema extensions;

select plan(36);

-- Two people who do the same; the ledger of one is archived on the way.
insert into auth.users (id, aud, role, email)
select md5(name)::uuid, 'authenticated', 'authenticated', name || '@archive.test'
from unnest(array['old', 'twin', 'idle', 'young']) as name;

-- Their accounts are as old as what they did. The clock cannot be turned back, so rows are written as they would stand.
alter table public.credit_transactions disable trigger credit_transactions_are_append_only;
update public.credit_transactions
set created_at = now() - case when user_id = md5('young')::uuid then interval '12 months 20 days' else interval '2 years' end;
alter table public.credit_transactions enable trigger credit_transactions_are_append_only;

create function pg_temp.error_of(statement text) returns text language plpgsql as $$
declare
  v_detail text;
begin
  execute statement;
  return 'none';
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return v_detail;
end;
$$;

create function pg_temp.past(who text, kind text, delta integer, key text, at timestamptz, refund_of bigint default null)
returns bigint
language plpgsql
as $$
declare
  v_id bigint;
begin
  update public.users as u set credits = u.credits + past.delta where u.id = md5(past.who)::uuid;
  insert into public.credit_transactions (user_id, kind, delta, balance_after, reason, idempotency_key, refund_of, created_at)
  select u.id, past.kind, past.delta, u.credits, 'of then', past.key, past.refund_of, past.at
  from public.users as u where u.id = md5(past.who)::uuid
  returning id into v_id;
  return v_id;
end;
$$;

create temporary table charges as
select who, pg_temp.past(who, 'consume', -1, 'service:charge-kept', now() - interval '20 months') as kept,
  pg_temp.past(who, 'grant', 50, 'service:grant-old', now() - interval '19 months') as granted,
  pg_temp.past(who, 'consume', -2, 'spend-old-1', now() - interval '18 months') as spent,
  pg_temp.past(who, 'consume', -4, 'service:charge-back', now() - interval '17 months') as charged
from unnest(array['old', 'twin']) as who;
select pg_temp.past(who, 'refund', 4, 'service:charge-back', now() - interval '16 months', charged) from charges;
select pg_temp.past(who, 'consume', -1, null, now() - interval '15 months') from charges;
-- A charge of long ago that was given back of late.
create temporary table late as
select who, pg_temp.past(who, 'consume', -8, 'service:charge-late', now() - interval '14 months') as charged from charges;
select pg_temp.past(who, 'refund', 8, 'service:charge-late', now() - interval '2 months', charged) from late;
select pg_temp.past(who, 'consume', -1, 'spend-new-1', now() - interval '1 month') from charges;
select pg_temp.past('young', 'consume', -1, 'spend-young', now() - interval '12 months 15 days');
set constraints all immediate;
set constraints all deferred;

select is(private.archive_credits(md5('idle')::uuid, now() + interval '1 day', 100), 0, 'the newest row carries the balance and stays');
select is(private.archive_credits(md5('nobody')::uuid, now(), 100), 0, 'of nobody nothing is archived');
select is(private.archive_credits(md5('old')::uuid, now() - interval '10 years', 100), 0, 'what is younger stays');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 3), 3, 'a bounded number at a time');
select is_empty($$select * from private.check_ledger()$$, 'and the ledger adds up in between');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 100), 4, 'all that is older, but for a charge whose refund is not');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 100), 0, 'once');

select results_eq(
  $$select kind, transactions, delta from private.archived_credits where user_id = md5('old')::uuid order by kind$$,
  $$values ('consume', 4::bigint, -8::bigint), ('grant', 1, 50), ('opening', 1, 5), ('refund', 1, 4)$$,
  'what is left of them is a sum for each kind'
);
select results_eq(
  $$select delta, balance_after from public.credit_transactions where user_id = md5('old')::uuid order by id$$,
  $$select delta, balance_after from public.credit_transactions where user_id = md5('twin')::uuid and id >= (select charged from late where who = 'twin') order by id$$,
  'the others stand as they stood'
);
select is_empty($$select * from private.check_ledger()$$, 'archive and ledger together are the balance');
select is(
  (public.diagnose_account('old@archive.test') -> 'ledger' ->> 'agrees')::boolean, true, 'a support case says so too'
);

-- --------------------------------------------------------------- what is answered

create function pg_temp.both(statement text)
returns text
language plpgsql
as $$
declare
  v_old text;
  v_twin text;
  v_answer jsonb;
begin
  execute format(statement, md5('old')::uuid) into v_answer;
  v_old := v_answer - 'transaction_id';
  execute format(statement, md5('twin')::uuid) into v_answer;
  v_twin := v_answer - 'transaction_id';
  return case when v_old = v_twin then v_old else v_old || ' and ' || v_twin end;
end;
$$;

select is(
  pg_temp.both($$select public.grant_credits(%L, 50, 'of then', 'grant-old')$$), '{"balance": 54, "replayed": true}',
  'a repeat of an archived grant is answered as it was'
);
select is(
  public.grant_credits(md5('old')::uuid, 50, 'of then', 'grant-old') ->> 'transaction_id', (select granted::text from charges where who = 'old'),
  'with its id'
);
select is(
  pg_temp.error_of(format($$select public.grant_credits(%L, 51, 'of then', 'grant-old')$$, md5('old')::uuid)), 'idempotency_key_reused',
  'another amount under its key is refused'
);
select is(
  pg_temp.error_of(format($$select public.grant_credits(%L, 50, 'else', 'grant-old')$$, md5('old')::uuid)), 'idempotency_key_reused', 'another reason as well'
);
select is(
  pg_temp.both($$select public.charge_credits(%L, 1, 'of then', 'charge-kept')$$), '{"balance": 4, "replayed": true}', 'a charge is not made again'
);
select is(
  pg_temp.error_of(format($$select public.charge_credits(%L, 4, 'of then', 'charge-back')$$, md5('old')::uuid)), 'idempotency_key_reused',
  'one that was given back is none to repeat'
);
select is(
  pg_temp.both($$select public.refund_credits(%L, 'charge-back')$$), '{"balance": 52, "replayed": true}', 'a refund is not made again'
);
select is(
  pg_temp.both($$select public.refund_credits(%L, 'charge-late')$$), '{"balance": 51, "replayed": true}', 'nor one whose charge was kept for it'
);
select is(
  pg_temp.error_of(format($$select public.refund_credits(%L, 'charge-kept')$$, md5('old')::uuid)), 'invalid_argument',
  'a charge of more than a year ago is not given back'
);
set local role authenticated;
select set_config('request.jwt.claims', format('{"sub": "%s", "role": "authenticated"}', md5('old')::uuid), true);
select is(
  public.consume_credits(2, 'of then', 'spend-old-1') - 'transaction_id', '{"balance": 52, "replayed": true}', 'what a user spent is not spent again'
);
select is(
  public.consume_credits(2, 'of then', 'grant-old') - 'transaction_id', '{"balance": 48, "replayed": false}', 'a key of another kind is another key'
);
select is(
  pg_temp.error_of('select public.consume_credits(3, ''of then'', ''spend-old-1'')'), 'idempotency_key_reused', 'nor another amount under its key'
);
select throws_ok('select * from private.archived_credits', '42501', null, 'the archive is closed to users');
reset role;
select is_empty($$select * from private.check_ledger()$$, 'after all that every ledger adds up');

-- ------------------------------------------------------------- the rows themselves

select throws_ok(
  $$delete from public.credit_transactions where user_id = md5('old')::uuid$$, '42501', null, 'what is not in the archive is not deleted'
);
update private.archived_credits set delta = delta + 1 where user_id = md5('old')::uuid and kind = 'grant';
select results_eq(
  $$select account_id, ledger_sum - credits from private.check_ledger()$$, $$values (md5('old')::uuid, 1::bigint)$$, 'whoever changes the archive is found out'
);
update private.archived_credits set delta = delta - 1 where user_id = md5('old')::uuid and kind = 'grant';

-- -------------------------------------------------------------- the audit trail

insert into public.api_key_events (user_id, provider, action, created_at)
select md5('old')::uuid, 'openai', action, now() - age
from (values ('stored', interval '20 months'), ('decrypted', interval '19 months'), ('decrypted', interval '14 months'), ('decrypted', interval '11 months')) as e (action, age);

select pg_temp.past('idle', 'consume', -1, null, now() - interval '14 months');
select pg_temp.past('idle', 'consume', -1, null, now() - interval '1 month');
update private.sweep_state set archive_user_id = default;
create temporary table swept as select private.sweep(now()) as s;
select is((select s -> 'deleted' from swept), '12', 'the sweep archives what is due: the seven rows of the twin, two of the idle one and three events');
select is(
  (select count(*) from public.credit_transactions where user_id = md5('young')::uuid), 2::bigint, 'who has nothing of thirteen months ago waits'
);
select results_eq(
  $$select action, events, last_at = now() - interval '14 months' from private.archived_key_events where user_id = md5('old')::uuid order by action$$,
  $$values ('decrypted', 2::bigint, true), ('stored', 1, false)$$,
  'of the audit trail the numbers are left'
);
select is((select count(*) from public.api_key_events where user_id = md5('old')::uuid), 1::bigint, 'and the last year');
select is((private.sweep(now()) ->> 'deleted')::integer, 0, 'once');

-- ------------------------------------------------------------------- the account

select is(
  public.export_user_data(md5('old')::uuid, 'archived_credits') #>> '{rows,1}',
  jsonb_build_object('user_id', md5('old')::uuid, 'kind', 'grant', 'transactions', 1, 'delta', 50)::text, 'an export shows the sums'
);
select is(jsonb_array_length(public.export_user_data(md5('old')::uuid, 'archived_key_events') -> 'rows'), 2, 'and the numbers');
select is(
  public.export_user_data(md5('old')::uuid, 'archived_key_events', 'archived_key_events:openai:decrypted') #>> '{rows,0,action}', 'stored',
  'page by page'
);
delete from auth.users where id = md5('old')::uuid;
select is_empty(
  $$select from (
      select user_id from private.archived_rows union select user_id from private.archived_credits
      union select user_id from private.archived_credit_keys union select user_id from private.archived_key_events
    ) as a
    where a.user_id = md5('old')::uuid$$,
  'all of it goes with the account'
);

select * from finish();

rollback;

-- The archive of ledger and audit trail: rows that are older than a year become sums, and no answer changes by that.
begin;

create extension if not exists pgtap with schema extensions;

select plan(36);

-- Two users with the same ledger; that of one is archived.
insert into auth.users (id, aud, role, email)
select md5(name)::uuid, 'authenticated', 'authenticated', name || '@archive.test'
from unnest(array['old', 'twin', 'idle', 'young']) as name;

-- The accounts are older than their transactions. The clock cannot be set, so the rows are written with past times.
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
  select u.id, past.kind, past.delta, u.credits, 'original', past.key, past.refund_of, past.at
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
-- An old charge that was refunded recently.
create temporary table late as
select who, pg_temp.past(who, 'consume', -8, 'service:charge-late', now() - interval '14 months') as charged from charges;
select pg_temp.past(who, 'refund', 8, 'service:charge-late', now() - interval '2 months', charged) from late;
select pg_temp.past(who, 'consume', -1, 'spend-new-1', now() - interval '1 month') from charges;
select pg_temp.past('young', 'consume', -1, 'spend-young', now() - interval '12 months 15 days');
set constraints all immediate;
set constraints all deferred;

select is(private.archive_credits(md5('idle')::uuid, now() + interval '1 day', 100), 0, 'the newest row of a user is not archived, because it has the balance');
select is(private.archive_credits(md5('nobody')::uuid, now(), 100), 0, 'nothing is archived for an unknown user');
select is(private.archive_credits(md5('old')::uuid, now() - interval '10 years', 100), 0, 'rows that are not old enough are not archived');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 3), 3, 'the given number of rows is archived at a time');
select is_empty($$select * from private.check_ledger()$$, 'all ledgers add up while rows are being archived');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 100), 4, 'all old rows are archived, except for a charge with a recent refund');
select is(private.archive_credits(md5('old')::uuid, now() - interval '12 months', 100), 0, 'archiving again archives nothing');

select results_eq(
  $$select kind, transactions, delta from private.archived_credits where user_id = md5('old')::uuid order by kind$$,
  $$values ('consume', 4::bigint, -8::bigint), ('grant', 1, 50), ('opening', 1, 5), ('refund', 1, 4)$$,
  'the archive has a sum for each kind'
);
select results_eq(
  $$select delta, balance_after from public.credit_transactions where user_id = md5('old')::uuid order by id$$,
  $$select delta, balance_after from public.credit_transactions where user_id = md5('twin')::uuid and id >= (select charged from late where who = 'twin') order by id$$,
  'the remaining rows are not changed'
);
select is_empty($$select * from private.check_ledger()$$, 'the sum of archive and ledger is the balance');
select is(
  (public.diagnose_account('old@archive.test') -> 'ledger' ->> 'agrees')::boolean, true, 'a diagnosis shows that the ledger adds up'
);

-- ------------------------------------------------- requests with archived keys

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
  pg_temp.both($$select public.grant_credits(%L, 50, 'original', 'grant-old')$$), '{"balance": 54, "replayed": true}',
  'a repeat of an archived grant gets the first answer'
);
select is(
  public.grant_credits(md5('old')::uuid, 50, 'original', 'grant-old') ->> 'transaction_id', (select granted::text from charges where who = 'old'),
  'a repeat of an archived grant gets the first transaction''s id'
);
select is(
  pg_temp.error_of(format($$select public.grant_credits(%L, 51, 'original', 'grant-old')$$, md5('old')::uuid)), 'idempotency_key_reused',
  'another amount with the key of an archived grant is refused'
);
select is(
  pg_temp.error_of(format($$select public.grant_credits(%L, 50, 'else', 'grant-old')$$, md5('old')::uuid)), 'idempotency_key_reused', 'another reason with the key of an archived grant is refused'
);
select is(
  pg_temp.both($$select public.charge_credits(%L, 1, 'original', 'charge-kept')$$), '{"balance": 4, "replayed": true}', 'a repeat of an archived charge takes nothing'
);
select is(
  pg_temp.error_of(format($$select public.charge_credits(%L, 4, 'original', 'charge-back')$$, md5('old')::uuid)), 'idempotency_key_reused',
  'a repeat of a refunded archived charge is refused'
);
select is(
  pg_temp.both($$select public.refund_credits(%L, 'charge-back')$$), '{"balance": 52, "replayed": true}', 'a repeat of an archived refund gives nothing'
);
select is(
  pg_temp.both($$select public.refund_credits(%L, 'charge-late')$$), '{"balance": 51, "replayed": true}', 'a repeat of a recent refund of an old charge gives nothing'
);
select is(
  pg_temp.error_of(format($$select public.refund_credits(%L, 'charge-kept')$$, md5('old')::uuid)), 'invalid_argument',
  'an archived charge cannot be refunded'
);
set local role authenticated;
select set_config('request.jwt.claims', format('{"sub": "%s", "role": "authenticated"}', md5('old')::uuid), true);
select is(
  public.consume_credits(2, 'original', 'spend-old-1') - 'transaction_id', '{"balance": 52, "replayed": true}', 'a repeat of an archived consumption takes nothing'
);
select is(
  public.consume_credits(2, 'original', 'grant-old') - 'transaction_id', '{"balance": 48, "replayed": false}', 'the same key can be used for another kind'
);
select is(
  pg_temp.error_of('select public.consume_credits(3, ''original'', ''spend-old-1'')'), 'idempotency_key_reused', 'another amount with the key of an archived consumption is refused'
);
select throws_ok('select * from private.archived_credits', '42501', null, 'users cannot read the archive');
reset role;
select is_empty($$select * from private.check_ledger()$$, 'all ledgers add up after these requests');

-- ------------------------------------------------------------- the rows themselves

select throws_ok(
  $$delete from public.credit_transactions where user_id = md5('old')::uuid$$, '42501', null, 'a ledger row cannot be deleted if it is not archived'
);
update private.archived_credits set delta = delta + 1 where user_id = md5('old')::uuid and kind = 'grant';
select results_eq(
  $$select account_id, ledger_sum - credits from private.check_ledger()$$, $$values (md5('old')::uuid, 1::bigint)$$, 'the ledger check finds a change of the archive'
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
select is((select s -> 'deleted' from swept), '12', 'the sweep archives what is due: seven rows of the twin, two of the idle user and three events');
select is(
  (select count(*) from public.credit_transactions where user_id = md5('young')::uuid), 2::bigint, 'the sweep archives nothing of a user without rows older than 13 months'
);
select results_eq(
  $$select action, events, last_at = now() - interval '14 months' from private.archived_key_events where user_id = md5('old')::uuid order by action$$,
  $$values ('decrypted', 2::bigint, true), ('stored', 1, false)$$,
  'the archive has the number of audit rows for each action'
);
select is((select count(*) from public.api_key_events where user_id = md5('old')::uuid), 1::bigint, 'audit rows of the last year are kept');
select is((private.sweep(now()) ->> 'deleted')::integer, 0, 'the next sweep archives nothing');

-- ------------------------------------------------------------------- the account

select is(
  public.export_user_data(md5('old')::uuid, 'archived_credits') #>> '{rows,1}',
  jsonb_build_object('user_id', md5('old')::uuid, 'kind', 'grant', 'transactions', 1, 'delta', 50)::text, 'an export contains the archived sums'
);
select is(jsonb_array_length(public.export_user_data(md5('old')::uuid, 'archived_key_events') -> 'rows'), 2, 'an export contains the archived numbers of audit rows');
select is(
  public.export_user_data(md5('old')::uuid, 'archived_key_events', 'archived_key_events:openai:decrypted') #>> '{rows,0,action}', 'stored',
  'the pages of archived audit rows follow one another'
);
delete from auth.users where id = md5('old')::uuid;
select is_empty(
  $$select from (
      select user_id from private.archived_rows union select user_id from private.archived_credits
      union select user_id from private.archived_credit_keys union select user_id from private.archived_key_events
    ) as a
    where a.user_id = md5('old')::uuid$$,
  'the archive of a user is deleted with the account'
);

select * from finish();

rollback;

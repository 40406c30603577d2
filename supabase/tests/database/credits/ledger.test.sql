-- The ledger always has the balance, and its rows cannot be changed.
begin;

create extension if not exists pgtap with schema extensions;

select plan(20);

insert into auth.users (id, aud, role, email)
values (md5('spender')::uuid, 'authenticated', 'authenticated', 'spender@credits.test');

select results_eq(
  $$select kind, delta, balance_after from public.credit_transactions where user_id = md5('spender')::uuid$$,
  $$values ('opening', 5, 5)$$,
  'the opening credits are the first row of the ledger'
);

-- -------------------------------------------------------- no change without a row

update public.users set credits = 100 where id = md5('spender')::uuid;
select throws_ok('set constraints all immediate', '23514', null, 'a change of credits without a ledger row is refused at commit');

update public.users set credits = 5 where id = md5('spender')::uuid;
select lives_ok('set constraints all immediate', 'a change of credits that is undone in the same transaction is accepted');
set constraints all deferred;

update public.users set credits = credits - 2 where id = md5('spender')::uuid;
insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'consume', -2, 2);
select throws_ok('set constraints all immediate', '23514', null, 'a ledger row with another balance is refused at commit');

insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'grant', 1, 3);
select lives_ok('set constraints all immediate', 'credits that equal the last ledger row''s balance are accepted');

-- ---------------------------------------------------------------------- append-only

select throws_ok(
  $$update public.credit_transactions set delta = 0 where user_id = md5('spender')::uuid$$, '42501', null,
  'a ledger row cannot be changed, even by the owner of the table'
);
select throws_ok(
  $$delete from public.credit_transactions where user_id = md5('spender')::uuid$$, '42501', null, 'a ledger row cannot be deleted'
);
select throws_ok('truncate public.credit_transactions', '42501', null, 'the ledger cannot be truncated');
select throws_ok('truncate public.users cascade', '42501', null, 'the ledger cannot be truncated by a cascade from users');
select is((select count(*) from public.credit_transactions where user_id = md5('spender')::uuid), 3::bigint, 'no ledger row is lost by these attempts');

insert into public.api_key_events (user_id, provider, action) values (md5('spender')::uuid, 'openai', 'stored');

select throws_ok(
  $$update public.api_key_events set action = 'deleted' where user_id = md5('spender')::uuid$$, '42501', null,
  'an audit row cannot be changed'
);
select throws_ok(
  $$delete from public.api_key_events where user_id = md5('spender')::uuid$$, '42501', null, 'an audit row cannot be deleted'
);
select throws_ok('truncate public.api_key_events', '42501', null, 'the audit trail cannot be truncated');

-- -------------------------------------------------------------------------- checks

select throws_ok(
  $$insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'gift', 1, 4)$$,
  '23514', null, 'an unknown kind is refused'
);
select throws_ok(
  $$insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'consume', 1, 4)$$,
  '23514', null, 'a consumption with a positive delta is refused'
);
select throws_ok(
  $$insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'grant', -1, 2)$$,
  '23514', null, 'a grant with a negative delta is refused'
);
select throws_ok(
  $$insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('spender')::uuid, 'refund', 1, 4)$$,
  '23514', null, 'a refund without refund_of is refused'
);
select throws_ok(
  $$insert into public.credit_transactions (user_id, kind, delta, balance_after, idempotency_key)
    select md5('spender')::uuid, 'grant', 1, 4, 'same-key-1' from generate_series(1, 2)$$,
  '23505', null, 'an idempotency key is unique for a user and kind'
);

delete from auth.users where id = md5('spender')::uuid;

select is_empty($$select from public.credit_transactions where user_id = md5('spender')::uuid$$, 'the ledger is deleted with its user');
select is_empty($$select from public.api_key_events where user_id = md5('spender')::uuid$$, 'the audit trail is deleted with its user');

select * from finish();

rollback;

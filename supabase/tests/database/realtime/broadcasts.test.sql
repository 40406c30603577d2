-- Changes of a user's rows are broadcast to the user's topic, which nobody else can receive.
begin;

create extension if not exists pgtap with schema extensions;

select plan(28);

insert into auth.users (id, aud, role, email)
values
  (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@broadcasts.test'),
  (md5('stranger')::uuid, 'authenticated', 'authenticated', 'stranger@broadcasts.test');

insert into private.trusted_oauth_clients (client_id, name)
values ('trusted-client', 'Broadcasts');

-- ------------------------------------------------------------------- payloads

-- The payloads that a statement sends to the owner's topic, without the ids that Realtime adds.
create function pg_temp.sent_by(statement text)
returns setof jsonb
language plpgsql
as $$
begin
  delete from realtime.messages as m where m.topic like 'user:%';
  execute statement;
  return query
    select m.payload - 'id' - 'schema'
    from realtime.messages as m
    where m.topic = 'user:' || md5('owner')::uuid
      and m.private
      and m.extension = 'broadcast'
      and m.event = m.payload ->> 'operation'
      and m.payload ->> 'schema' = 'public'
    order by m.payload ->> 'table', m.payload ->> 'operation';
end;
$$;

-- A line for each message, with the columns of its record.
create function pg_temp.columns_sent_by(statement text)
returns text[]
language sql
as $$
  select coalesce(array_agg(format(
    '%s %s: %s', p ->> 'operation', p ->> 'table', (select string_agg(k, ', ' order by k) from jsonb_object_keys(p -> 'record') as k)
  )), '{}')
  from pg_temp.sent_by(statement) as p
$$;

select is(
  pg_temp.columns_sent_by($$insert into public.strategies (id, user_id, name, config) values (md5('strategy')::uuid, md5('owner')::uuid, 'Mine', '{"a": 1}')$$),
  array(
    select 'INSERT strategies: ' || string_agg(a.attname, ', ' order by a.attname)
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'public.strategies'::regclass and a.attnum > 0 and not a.attisdropped
  ),
  'a new strategy is sent once, with every column'
);

update public.strategies set updated_at = now() - interval '1 day' where id = md5('strategy')::uuid;

select results_eq(
  $$select pg_temp.sent_by($s$update public.strategies set name = 'Renamed', config = '{"a": 1}' where id = md5('strategy')::uuid$s$)$$,
  $$select jsonb_build_object(
      'table', 'strategies', 'operation', 'UPDATE',
      'record', jsonb_build_object('id', md5('strategy')::uuid, 'user_id', md5('owner')::uuid, 'name', 'Renamed', 'updated_at', now()),
      'old_record', jsonb_build_object('id', md5('strategy')::uuid, 'user_id', md5('owner')::uuid))$$,
  'a changed strategy is sent with its ids and changed columns alone'
);

select is_empty(
  $$select pg_temp.sent_by($s$update public.strategies set name = 'Renamed' where id = md5('strategy')::uuid$s$)$$,
  'an update that changes nothing sends nothing'
);

select results_eq(
  $$select pg_temp.sent_by($s$delete from public.strategies where id = md5('strategy')::uuid$s$)$$,
  $$select jsonb_build_object(
      'table', 'strategies', 'operation', 'DELETE', 'record', null,
      'old_record', jsonb_build_object('id', md5('strategy')::uuid, 'user_id', md5('owner')::uuid))$$,
  'a deleted strategy is sent with its ids alone'
);

select is(
  pg_temp.columns_sent_by($$select private.grant_credits(md5('owner')::uuid, 5, 'broadcast', 'broadcast-key-1')$$),
  array[
    'INSERT credit_transactions: ' || (
      select string_agg(a.attname, ', ' order by a.attname)
      from pg_catalog.pg_attribute as a
      where a.attrelid = 'public.credit_transactions'::regclass and a.attnum > 0 and not a.attisdropped
    ),
    'UPDATE users: credits, id'
  ],
  'granted credits are sent as the new balance and the row of the ledger'
);

select is(
  (
    select array_agg((p ->> 'table') || ' ' || (p -> 'record' ->> case p ->> 'table' when 'users' then 'credits' else 'balance_after' end) order by p ->> 'table')
    from pg_temp.sent_by($$select private.grant_credits(md5('owner')::uuid, 5, 'broadcast', 'broadcast-key-2')$$) as p
  ),
  array['credit_transactions 15', 'users 15'],
  'both messages contain the balance'
);

select is(
  pg_temp.columns_sent_by($$update public.users set full_name = 'Somebody' where id = md5('owner')::uuid$$),
  array['UPDATE users: full_name, id'],
  'a changed account is sent with the changed column'
);

select is(
  (
    select array_agg((p ->> 'operation') || ' ' || (p ->> 'table') order by p ->> 'table')
    from pg_temp.sent_by(format(
      $$insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end)
        values (%L, 'active', 'stripe', 'sub_broadcast', 'premium_monthly', now() + interval '1 month')$$,
      md5('owner')::uuid
    )) as p
  ),
  array['INSERT subscriptions', 'UPDATE users'],
  'a new subscription is sent, and the change of premium that it causes'
);

select is(
  (
    select array_agg(p -> 'record' ->> 'status')
    from pg_temp.sent_by($$update public.subscriptions set status = 'canceled' where provider_subscription_id = 'sub_broadcast'$$) as p
    where p ->> 'table' = 'subscriptions'
  ),
  array['canceled'],
  'the end of a subscription is sent'
);

select is(
  (
    select array_agg((p ->> 'operation') || ' ' || coalesce(p ->> 'record', 'nothing'))
    from pg_temp.sent_by($$delete from public.subscriptions where provider_subscription_id = 'sub_broadcast'$$) as p
    where p ->> 'table' = 'subscriptions'
  ),
  array['DELETE nothing'],
  'a deleted subscription is sent'
);

select is_empty(
  $$select a.attrelid::regclass, a.attname
    from pg_catalog.pg_attribute as a
    where a.attrelid = any (array['public.users', 'public.strategies', 'public.subscriptions', 'public.credit_transactions']::regclass[])
      and a.attnum > 0
      and not a.attisdropped
      and not has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')$$,
  'users may read every column of these tables, so no message reveals more'
);

select is_empty(
  $$select m.topic from realtime.messages as m where m.topic <> 'user:' || coalesce(m.payload -> 'record' ->> 'user_id', m.payload -> 'old_record' ->> 'user_id', m.payload -> 'record' ->> 'id', m.payload -> 'old_record' ->> 'id') and m.topic like 'user:%'$$,
  'no message is sent to another user than the row''s'
);

-- A strategy and the ledger are deleted with the account.
insert into auth.users (id, aud, role, email) values (md5('leaver')::uuid, 'authenticated', 'authenticated', 'leaver@broadcasts.test');
insert into public.strategies (user_id, name, config) values (md5('leaver')::uuid, 'Theirs', '{}');
delete from realtime.messages where topic like 'user:%';
delete from auth.users where id = md5('leaver')::uuid;

select results_eq(
  $$select m.event, m.payload ->> 'table' from realtime.messages as m where m.topic = 'user:' || md5('leaver')::uuid$$,
  $$values ('DELETE', 'users')$$,
  'a deleted account is one message, whatever is deleted with it'
);

-- --------------------------------------------------------------------- policy

select policies_are('realtime', 'messages', array['users receive their own topic'], 'realtime.messages has this policy alone');

delete from realtime.messages where topic like 'user:%' or topic = 'room';
select realtime.send('{"n": 1}', 'UPDATE', 'user:' || md5('owner')::uuid, true);
select realtime.send('{"n": 2}', 'UPDATE', 'user:' || md5('stranger')::uuid, true);
select realtime.send('{"n": 3}', 'UPDATE', 'room', true);
insert into realtime.messages (topic, extension, private) values ('user:' || md5('owner')::uuid, 'presence', true);

-- The numbers of the messages that a user receives in a topic, by the query that Realtime makes; or the SQLSTATE.
create function pg_temp.received(who text, topic text, statement text default null, client text default null)
returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  perform set_config(
    'request.jwt.claims',
    jsonb_strip_nulls(jsonb_build_object('sub', md5(who)::uuid, 'role', 'authenticated', 'client_id', client))::text,
    true
  );
  perform set_config('realtime.topic', topic, true);
  perform set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  begin
    execute coalesce(
      statement,
      $s$select coalesce(string_agg(coalesce(m.payload ->> 'n', m.extension), ' ' order by m.payload ->> 'n'), 'nothing') from realtime.messages as m$s$
    ) into v_outcome;
    raise exception using errcode = 'UNDO0', message = coalesce(v_outcome, 'done');
  exception
    when sqlstate 'UNDO0' then v_outcome := sqlerrm;
    when others then v_outcome := sqlstate;
  end;
  perform set_config('role', session_user, true);
  return v_outcome;
end;
$$;

create function pg_temp.topic_of(who text)
returns text
language sql
return 'user:' || md5(who)::uuid;

select is(pg_temp.received('owner', pg_temp.topic_of('owner')), '1', 'a user receives their own topic, but no presence and no other topic');
select is(pg_temp.received('stranger', pg_temp.topic_of('stranger')), '2', 'a second user receives their own topic');
select is(pg_temp.received('stranger', pg_temp.topic_of('owner')), 'nothing', 'a user who joins another''s topic receives nothing');
select is(pg_temp.received('owner', ''), 'nothing', 'without a topic nothing is received');
select is(pg_temp.received('owner', 'room'), 'nothing', 'a topic of no user gives nothing');
select is(pg_temp.received('owner', upper(pg_temp.topic_of('owner'))), 'nothing', 'a topic in capitals gives nothing');
select is(pg_temp.received('owner', pg_temp.topic_of('owner') || ':more'), 'nothing', 'a topic that only begins like the user''s gives nothing');
select is(pg_temp.received('anon', pg_temp.topic_of('anon')), 'nothing', 'a visitor receives nothing');
select is(pg_temp.received('owner', pg_temp.topic_of('owner'), client => 'untrusted-client'), 'nothing', 'an OAuth client that is not trusted receives nothing');
select is(pg_temp.received('owner', pg_temp.topic_of('owner'), client => 'trusted-client'), '1', 'a trusted OAuth client receives its user''s topic');

select is(
  pg_temp.received('owner', pg_temp.topic_of('owner'), format($$insert into realtime.messages (topic, extension) values (%L, 'broadcast')$$, pg_temp.topic_of('owner'))),
  '42501', 'a user cannot send to their own topic, so that all messages there are the database''s'
);
select is(
  pg_temp.received('owner', pg_temp.topic_of('stranger'), format($$insert into realtime.messages (topic, extension) values (%L, 'broadcast')$$, pg_temp.topic_of('stranger'))),
  '42501', 'a user cannot send to another''s topic'
);
select is(
  pg_temp.received('owner', pg_temp.topic_of('owner'), $$with changed as (update realtime.messages set payload = '{}' returning 1) select count(*) from changed$$),
  '0', 'a user cannot change a message'
);

select is(private.allow_broadcasts(), true, 'creating the policy again changes nothing');

select * from finish();

rollback;

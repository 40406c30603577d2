-- Storing, reading and deleting keys: which arguments are accepted, what is returned, what counts towards the limits.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@keys.test'
from unnest(array['ada', 'bob', 'eve', 'leaver']) as who;

insert into auth.users (id, aud, role, is_anonymous)
values (md5('nameless')::uuid, 'authenticated', 'authenticated', true);

create temporary table started as
select max(id) as last_event from public.api_key_events;

-- Runs a statement as a signed-in user, or as nobody if `who` is null. Returns its JSON, or the error as a client gets it.
create function pg_temp.as_user(who text, statement text)
returns jsonb
language plpgsql
as $$
declare
  v_result jsonb;
  v_detail text;
  v_hint text;
begin
  perform set_config(
    'request.jwt.claims',
    case when who is null then '{"role": "authenticated"}' else jsonb_build_object('sub', md5(who)::uuid, 'role', 'authenticated')::text end,
    true
  );
  perform set_config('role', 'authenticated', true);
  begin
    execute statement into v_result;
  exception
    when others then
      get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
      v_result := jsonb_build_object('state', sqlstate, 'message', sqlerrm, 'code', v_detail, 'facts', nullif(v_hint, '')::jsonb);
  end;
  perform set_config('role', session_user, true);
  perform set_config('request.jwt.claims', '', true);
  return v_result;
end;
$$;

create function pg_temp.store(who text, provider text, api_key text)
returns jsonb
language sql
as $$
  select pg_temp.as_user(who, format('select public.store_api_key(%L, %L)', provider, api_key))
$$;

create function pg_temp.events(who text)
returns text
language sql
as $$
  select string_agg(provider || ' ' || action, ', ' order by id) from public.api_key_events where user_id = md5(who)::uuid
$$;

-- ------------------------------------------------------------------------- storing

select is(
  pg_temp.store('ada', 'openai', 'sk-first-key-1234') - 'id' - 'created_at' - 'updated_at',
  '{"provider": "openai", "key_hint": "1234", "last_used": null}',
  'storing a key returns the provider and the last four characters'
);
select results_eq(
  $$select provider, key_hint, secret_version, last_used from public.api_keys where user_id = md5('ada')::uuid$$,
  $$values ('openai', '1234', private.current_api_key_secret_version(), null::timestamptz)$$,
  'storing a key inserts its row'
);
select unalike((select k::text from public.api_keys as k where user_id = md5('ada')::uuid), '%sk-first%', 'the row does not contain the plaintext');
select is(pg_temp.events('ada'), 'openai stored', 'storing a key writes an audit row');

select is(
  public.get_decrypted_api_key(md5('ada')::uuid, 'openai', 'request-1'),
  '{"ok": true, "provider": "openai", "api_key": "sk-first-key-1234"}',
  'get_decrypted_api_key returns the key'
);
select is((select last_used from public.api_keys where user_id = md5('ada')::uuid), now(), 'reading a key sets last_used');
select results_eq(
  $$select action, request_id from public.api_key_events where user_id = md5('ada')::uuid and action = 'decrypted'$$,
  $$values ('decrypted', 'request-1')$$,
  'reading a key writes an audit row with the request''s id'
);

select is(
  pg_temp.store('ada', '  OpenAI ', E' sk-second-key-5678\r\n') - 'created_at' - 'updated_at',
  (select jsonb_build_object('id', id, 'provider', 'openai', 'key_hint', '5678', 'last_used', null) from public.api_keys where user_id = md5('ada')::uuid),
  'storing again replaces the key in its row; case and white space of the arguments are ignored'
);
select is((select count(*) from public.api_keys where user_id = md5('ada')::uuid), 1::bigint, 'storing again adds no row');
select is(public.get_decrypted_api_key(md5('ada')::uuid, ' OPENAI') ->> 'api_key', 'sk-second-key-5678', 'the new key is read without its white space, whatever the case of the provider');

create function pg_temp.refusal(who text, provider text, api_key text)
returns text
language sql
as $$
  select concat_ws(' ', r ->> 'state', r ->> 'code', r -> 'facts' ->> 'argument') from pg_temp.store(who, provider, api_key) as r
$$;

select is(pg_temp.refusal('ada', provider, 'sk-12345678'), 'PT422 invalid_argument provider', format('provider %L is refused', provider))
from unnest(array['', 'o', '1openai', 'open ai', 'openai!', 'öpenai', repeat('x', 33), null]) as provider;
select is(pg_temp.store('ada', provider, 'sk-12345678') ->> 'provider', provider, format('provider %L is accepted', provider))
from unnest(array['az', 'azure_open-ai2', repeat('x', 32)]) as provider;

select is(pg_temp.refusal('ada', 'openai', api_key), 'PT422 invalid_argument api_key', format('key %s is refused', coalesce(to_json(left(api_key, 20))::text, 'null')))
from unnest(array['', '1234567', repeat('k', 513), 'sk-with space', E'sk-with\ttab', E'sk-with\nline', E'sk-with\u00a0space', 'sk-ключключ', E'sk-\u0001234567', null]) as api_key;
select is(pg_temp.store('ada', 'openai', api_key) ->> 'key_hint', right(api_key, 4), format('a key of %s characters is accepted', char_length(api_key)))
from unnest(array['12345678', repeat('k', 512), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~']) as api_key;
select is(public.get_decrypted_api_key(md5('ada')::uuid, 'openai') ->> 'api_key', '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', 'every visible character of a key is kept');

select unalike(
  pg_temp.store('ada', 'openai', 'sk-wrong but secret')::text || pg_temp.store('ada', 'open ai', 'sk-wrong-but-secret')::text, '%sk-wrong%',
  'no error contains the key'
);

select is(pg_temp.refusal(null, 'openai', 'sk-12345678'), 'PT401 not_authenticated', 'storing a key needs a signed-in user');
select is(pg_temp.refusal('nameless', 'openai', 'sk-12345678'), 'PT403 email_required', 'storing a key needs an account');
delete from public.users where id = md5('eve')::uuid;
select is(pg_temp.store('eve', 'openai', 'sk-12345678') ->> 'key_hint', '5678', 'storing a key creates a missing account');

-- ------------------------------------------------------------------------- reading

create function pg_temp.unread(who text, provider text)
returns text
language sql
as $$
  select concat_ws(' ', r ->> 'ok', r -> 'error' ->> 'status', r -> 'error' ->> 'code', r -> 'error' ->> 'facts')
  from public.get_decrypted_api_key(md5(who)::uuid, provider) as r
$$;

select pg_temp.store('bob', 'openai', 'sk-key-of-bob-1');
select is(pg_temp.unread('bob', provider), 'false 404 api_key_not_found', format('provider %L has no key', provider))
from unnest(array['anthropic', '', 'no such provider', repeat('x', 10000)]) as provider;
select is(pg_temp.unread('bob', null), 'false 422 invalid_argument {"argument": "provider"}', 'reading a key needs a provider');
select is(pg_temp.unread('nobody at all', 'openai'), 'false 404 user_not_found', 'reading a key of an unknown user fails');
select is(pg_temp.unread('nameless', 'openai'), 'false 403 email_required', 'reading a key of a user without an account fails');
select is(public.get_decrypted_api_key(null, 'openai') -> 'error' ->> 'code', 'invalid_argument', 'reading a key needs a user id');
select is(pg_temp.events('bob'), 'openai stored', 'a read that fails writes no audit row');

-- Five reads of bob failed above: four without a key, one without a provider.
select is(
  (select cardinality(attempted_at) from private.attempts where user_id = md5('bob')::uuid and bucket = 'read_api_key'), 5,
  'reads that fail count towards the limit'
);
select is(
  (select count(*) from generate_series(1, 55) where pg_temp.unread('bob', 'openai') = 'true'), 55::bigint,
  'sixty reads a minute are allowed'
);
select is(pg_temp.unread('bob', 'openai'), 'false 429 rate_limited {"retry_after": 60}', 'the sixty-first read in a minute is refused');
select is((select count(*) from public.api_key_events where user_id = md5('bob')::uuid and action = 'decrypted'), 55::bigint, 'a refused read decrypts nothing');
select is(public.get_decrypted_api_key(md5('ada')::uuid, 'az') ->> 'ok', 'true', 'the limit of one user does not affect another');

update private.attempts
set attempted_at = array(select t - interval '61 s' from unnest(attempted_at) as t)
where user_id = md5('bob')::uuid;
select is(pg_temp.unread('bob', 'openai'), 'true', 'after a minute reads are allowed again');

select is(public.get_decrypted_api_key(md5('ada')::uuid, 'az', repeat('r', 300)) ->> 'ok', 'true', 'a key can be read with a long request id');
select is(
  (select max(char_length(request_id)) from public.api_key_events where user_id = md5('ada')::uuid), 200,
  'a long request id is cut to 200 characters'
);

-- ---------------------------------------------------------------------- updated_at

update public.api_keys set updated_at = '2026-01-01' where user_id = md5('ada')::uuid;
select public.get_decrypted_api_key(md5('ada')::uuid, 'az');
select is((select updated_at from public.api_keys where user_id = md5('ada')::uuid and provider = 'az'), '2026-01-01'::timestamptz, 'reading a key does not change updated_at');
select pg_temp.store('ada', 'az', 'sk-changed-1234');
select is((select updated_at from public.api_keys where user_id = md5('ada')::uuid and provider = 'az'), now(), 'storing a key sets updated_at');

-- ------------------------------------------------------------------------ deleting

select is(pg_temp.as_user('eve', $$select public.delete_api_key('openai ')$$), '{"deleted": true}', 'a key is deleted');
select is(pg_temp.as_user('eve', $$select public.delete_api_key('openai')$$), '{"deleted": false}', 'deleting a key again returns false');
select is(pg_temp.as_user('eve', $$select public.delete_api_key('az')$$), '{"deleted": false}', 'the key of another user is not deleted');
select is(pg_temp.events('eve'), 'openai stored, openai deleted', 'deleting a key writes an audit row');
select is(pg_temp.as_user(null, $$select public.delete_api_key('az')$$) ->> 'code', 'not_authenticated', 'deleting a key needs a signed-in user');
select is(pg_temp.as_user('nameless', $$select public.delete_api_key('az')$$) ->> 'code', 'email_required', 'deleting a key needs an account');
select is(pg_temp.as_user('eve', 'select public.delete_api_key(null)') ->> 'code', 'invalid_argument', 'deleting a key needs a provider');

select pg_temp.store('eve', 'openai', 'sk-12345678');
select pg_temp.as_user('eve', 'with gone as (delete from public.api_keys returning id) select to_jsonb(count(*)) from gone');
select is(pg_temp.events('eve'), 'openai stored, openai deleted, openai stored, openai deleted', 'deleting the row from the table writes an audit row too');
select is((select count(*) from public.api_keys where user_id = md5('ada')::uuid), 4::bigint, 'deleting own rows deletes no row of another user');

-- ------------------------------------------------------------- storing in a loop

insert into auth.users (id, aud, role, email)
values (md5('looper')::uuid, 'authenticated', 'authenticated', 'looper@keys.test');
select is(
  (
    select count(*)
    from generate_series(1, 30)
    where case pg_temp.store('looper', 'openai', 'sk-12345678') ->> 'key_hint'
      when '5678' then pg_temp.as_user('looper', $$select public.delete_api_key('openai')$$) ->> 'deleted' = 'true'
    end
  ),
  30::bigint,
  'a key can be stored and deleted thirty times in ten minutes'
);
select is(
  pg_temp.store('looper', 'openai', 'sk-12345678') - 'message',
  '{"state": "PT429", "code": "rate_limited", "facts": {"retry_after": 600}}',
  'storing a key for the thirty-first time is refused'
);
select is((select count(*) from public.api_key_events where user_id = md5('looper')::uuid), 60::bigint, 'a refused store writes no audit row');
select is((select count(*) from public.api_keys where user_id = md5('looper')::uuid), 0::bigint, 'a refused store stores no key');
select is(pg_temp.as_user('looper', $$select public.delete_api_key('openai')$$), '{"deleted": false}', 'deleting a key has no limit');
select is((select count(*) from public.api_key_events where user_id = md5('looper')::uuid), 60::bigint, 'deleting a key that does not exist writes no audit row');
update private.attempts
set attempted_at = array(select t - interval '601 s' from unnest(attempted_at) as t)
where user_id = md5('looper')::uuid;
select is(pg_temp.store('looper', 'openai', 'sk-12345678') ->> 'key_hint', '5678', 'after ten minutes keys can be stored again');

select pg_temp.store('leaver', 'openai', 'sk-12345678');
select lives_ok($$delete from auth.users where id = md5('leaver')::uuid$$, 'a user with keys can be deleted');
select is_empty(
  $$select provider from public.api_keys where user_id = md5('leaver')::uuid
    union all select action from public.api_key_events where user_id = md5('leaver')::uuid$$,
  'keys and audit rows are deleted with their user'
);

select * from finish();

rollback;

-- The secrets of stored keys: created in Vault, checked, rotated, and dropped when no key needs them.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@secrets.test'
from unnest(array['ada', 'bob', 'eve']) as who;

-- Other tests store keys too. They are deleted here, so that batches contain the keys of this file alone.
delete from public.api_keys where user_id not in (md5('ada')::uuid, md5('bob')::uuid, md5('eve')::uuid);

create function pg_temp.raised(statement text)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  execute statement;
  return null;
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return sqlstate || ' ' || v_detail;
end;
$$;

create function pg_temp.store(who text, provider text, api_key text)
returns void
language sql
as $$
  select set_config('request.jwt.claims', jsonb_build_object('sub', md5(who)::uuid, 'role', 'authenticated')::text, true);
  select public.store_api_key(provider, api_key);
$$;

create function pg_temp.read(who text, provider text)
returns text
language sql
as $$
  select coalesce(r ->> 'api_key', r -> 'error' ->> 'code') from public.get_decrypted_api_key(md5(who)::uuid, provider) as r
$$;

create temporary table start as
select private.current_api_key_secret_version() as v;

-- ----------------------------------------------------------------------- creating

select cmp_ok((select v from start), '>=', 1, 'the migrations create a secret');
select matches(
  (select decrypted_secret from vault.decrypted_secrets where name = 'api_key_secret_v' || (select v from start)), '^[0-9a-f]{64}$',
  'a secret is 32 random bytes'
);
select matches(
  (select description from vault.secrets where name = 'api_key_secret_v' || (select v from start)), '[0-9a-f]{32}$',
  'the description of a secret has a check value'
);
select is_empty(
  $$select private.create_api_key_secret() where private.current_api_key_secret_version() is null$$,
  'running the migration''s statement again creates no second secret'
);

select pg_temp.store('ada', 'openai', 'sk-ada-openai');
select is((select secret_version from public.api_keys where user_id = md5('ada')::uuid), (select v from start), 'a key is stored under the newest secret');

select is(public.rotate_api_key_secret(), jsonb_build_object('version', (select v + 1 from start)), 'rotating creates the next version');
select isnt(
  (select decrypted_secret from vault.decrypted_secrets where name = 'api_key_secret_v' || (select v from start)),
  (select decrypted_secret from vault.decrypted_secrets where name = 'api_key_secret_v' || (select v + 1 from start)),
  'the new version is another secret'
);
select is(pg_temp.read('ada', 'openai'), 'sk-ada-openai', 'a key that was stored before the rotation can be read');
select pg_temp.store('bob', 'openai', 'sk-bob-openai');
select is((select secret_version from public.api_keys where user_id = md5('bob')::uuid), (select v + 1 from start), 'a key that is stored after the rotation has the new version');

-- ------------------------------------------------------------------- re-encrypting

select is(
  pg_temp.raised(format('select public.drop_api_key_secret(%s)', (select v from start))), 'PT409 secret_in_use',
  'a secret that a key needs cannot be dropped'
);
select is(
  pg_temp.raised(format('select public.drop_api_key_secret(%s)', (select v + 1 from start))), 'PT409 secret_in_use',
  'the newest secret cannot be dropped'
);
select pg_temp.store('ada', 'second', 'sk-ada-second');
update public.api_keys as k
set key_encrypted = private.seal(
      'sk-ada-second', private.api_key_secret((select v from start)), private.api_key_context(k.user_id, k.provider, (select v from start))
    ),
    secret_version = (select v from start)
where provider = 'second';

select is(public.reencrypt_api_keys(1), '{"reencrypted": 1, "remaining": 1}', 'a batch re-encrypts the given number of keys');
select is(public.reencrypt_api_keys(1), '{"reencrypted": 1, "remaining": 0}', 'the next batch continues after the first');
select is(public.reencrypt_api_keys(), '{"reencrypted": 0, "remaining": 0}', 'a batch with nothing left re-encrypts nothing');
select is(
  array[pg_temp.read('ada', 'openai'), pg_temp.read('ada', 'second'), pg_temp.read('bob', 'openai')],
  array['sk-ada-openai', 'sk-ada-second', 'sk-bob-openai'],
  'all keys can be read after the re-encryption'
);
select is(
  (select count(*) from public.api_key_events where action = 'reencrypted' and user_id = md5('ada')::uuid), 2::bigint,
  'each re-encryption writes an audit row'
);
select is(pg_temp.raised('select public.reencrypt_api_keys(0)'), 'PT422 invalid_argument', 'a batch size of 0 is refused');
select is(pg_temp.raised('select public.reencrypt_api_keys(1001)'), 'PT422 invalid_argument', 'a batch size of more than 1,000 is refused');

-- ------------------------------------------------------------------------ dropping

select is(public.drop_api_key_secret((select v from start)), '{"dropped": true}', 'a secret that no key needs can be dropped');
select is(public.drop_api_key_secret((select v from start)), '{"dropped": false}', 'dropping a secret again returns false');
select is_empty(format($$select from vault.secrets where name = 'api_key_secret_v%s'$$, (select v from start)), 'a dropped secret is deleted from Vault');
select is(pg_temp.raised('select public.drop_api_key_secret(null)'), 'PT422 invalid_argument', 'dropping a secret needs a version');
select is(pg_temp.raised('select public.drop_api_key_secret(0)'), 'PT422 invalid_argument', 'version 0 is refused');
select is(
  pg_temp.raised(format(
    $$insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version) values (%L, 'direct', 'x', 'x', %s)$$,
    md5('ada')::uuid, (select v from start)
  )),
  'PT500 secret_not_configured',
  'no row can be written with a dropped version'
);

-- A damaged key, which comes first in every batch.
insert into public.api_keys (id, user_id, provider, key_encrypted, key_hint, secret_version)
values ('00000000-0000-4000-8000-000000000001', md5('eve')::uuid, 'broken', 'AAAA', 'AAAA', (select v + 1 from start));
select pg_temp.store('eve', 'openai', 'sk-eve-openai');
select public.rotate_api_key_secret();
select is(pg_temp.read('eve', 'broken'), 'decryption_failed', 'reading a damaged key fails');
select is(public.reencrypt_api_keys(), '{"reencrypted": 4, "remaining": 1}', 'a damaged key does not prevent the re-encryption of others');
select is((select key_encrypted from public.api_keys where provider = 'broken'), 'AAAA', 'a damaged key is not changed');
select is(
  pg_temp.raised(format('select public.drop_api_key_secret(%s)', (select v + 1 from start))), 'PT409 secret_in_use',
  'the secret of a damaged key cannot be dropped'
);
delete from public.api_keys where provider = 'broken';
select is(public.drop_api_key_secret((select v + 1 from start)), '{"dropped": true}', 'the secret can be dropped after the damaged key is deleted');

-- --------------------------------------------------------------- bound to their row

create temporary table sealed as
select user_id, provider, key_encrypted, secret_version from public.api_keys where user_id = md5('ada')::uuid and provider = 'openai';

create function pg_temp.read_with(who text, in_provider text, in_key text, in_version integer)
returns text
language plpgsql
as $$
declare
  v_read text;
begin
  update public.api_keys set key_encrypted = in_key, secret_version = in_version where user_id = md5(who)::uuid and provider = in_provider;
  v_read := pg_temp.read(who, in_provider);
  raise exception using errcode = 'UNDO0', message = v_read;
exception
  when sqlstate 'UNDO0' then
    return sqlerrm;
end;
$$;

select is(pg_temp.read_with('ada', 'openai', key_encrypted, secret_version), 'sk-ada-openai', 'a ciphertext opens in its own row')
from sealed;
select is(pg_temp.read_with('bob', 'openai', key_encrypted, secret_version), 'decryption_failed', 'a ciphertext does not open in another user''s row')
from sealed;
select is(pg_temp.read_with('ada', 'second', key_encrypted, secret_version), 'decryption_failed', 'a ciphertext does not open in another provider''s row')
from sealed;
select public.rotate_api_key_secret();
select is(
  pg_temp.raised(format('select public.drop_api_key_secret(%s)', private.current_api_key_secret_version())), 'PT409 secret_in_use',
  'the newest secret cannot be dropped even if no key has its version'
);
select is(pg_temp.read_with('ada', 'openai', key_encrypted, secret_version + 1), 'decryption_failed', 'a ciphertext does not open with another version')
from sealed;
select is(
  pg_temp.read_with('ada', 'openai', private.seal('sk-other', private.api_key_secret(secret_version), ''), secret_version), 'decryption_failed',
  'an envelope without a context does not open in a row'
)
from sealed;
select is(
  pg_temp.raised(format('select public.decrypt_api_key(%L, %L)', key_encrypted, private.api_key_secret(secret_version))), 'PT500 decryption_failed',
  'decrypt_api_key alone does not open a stored row'
)
from sealed;

-- --------------------------------------------------------------- unusable secrets

create function pg_temp.with_vault(change text, attempt text)
returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  execute change;
  v_outcome := pg_temp.raised(attempt);
  raise exception using errcode = 'UNDO0', message = coalesce(v_outcome, 'done') || ', ' || pg_temp.read('ada', 'openai');
exception
  when sqlstate 'UNDO0' then
    return sqlerrm;
end;
$$;

select public.reencrypt_api_keys();

select is(
  pg_temp.with_vault($$delete from vault.secrets where name like 'api_key_secret%'$$, $$select pg_temp.store('ada', 'third', 'sk-ada-third')$$),
  'PT500 secret_not_configured, secret_not_configured',
  'without a secret no key can be stored or read'
);
select is(
  pg_temp.with_vault(
    format($$select vault.update_secret((select id from vault.secrets where name = 'api_key_secret_v%s'), 'overwritten from outside')$$, private.current_api_key_secret_version()),
    $$select pg_temp.store('ada', 'third', 'sk-ada-third')$$
  ),
  'PT500 secret_not_configured, secret_not_configured',
  'a secret that was overwritten is not used'
);
select is(
  pg_temp.with_vault(
    format($$select vault.update_secret((select id from vault.secrets where name = 'api_key_secret_v%s'), 'overwritten from outside')$$, private.current_api_key_secret_version()),
    'select public.reencrypt_api_keys()'
  ),
  'PT500 secret_not_configured, secret_not_configured',
  'nor re-encrypted with'
);
select is(
  pg_temp.with_vault($$select vault.create_secret('made by hand in the dashboard', 'api_key_secret_v999')$$, $$select pg_temp.store('ada', 'third', 'sk-ada-third')$$),
  'PT500 secret_not_configured, sk-ada-openai',
  'a newest secret without a check value stores nothing, and what is stored still reads'
);
select is_empty($$select from public.api_keys where provider = 'third'$$, 'no row is left of those attempts');

-- The version of a lost secret must not get a new secret.
create function pg_temp.version_after_loss()
returns integer
language plpgsql
as $$
declare
  v_version integer;
begin
  delete from vault.secrets where name like 'api_key_secret%';
  v_version := public.rotate_api_key_secret() ->> 'version';
  raise exception using errcode = 'UNDO0', message = v_version;
exception
  when sqlstate 'UNDO0' then
    return sqlerrm;
end;
$$;
select is(
  pg_temp.version_after_loss(), (select max(secret_version) + 1 from public.api_keys),
  'the version of a lost secret is not used again while rows have it'
);

-- -------------------------------------------------------------------------- logging

select bag_has(
  $$select unnest(setconfig) from pg_catalog.pg_db_role_setting where setrole = 'authenticator'::regrole and setdatabase = 0$$,
  $$values ('log_parameter_max_length=0'), ('log_parameter_max_length_on_error=0')$$,
  'sessions of the Data API log no parameters, even of failed statements'
);

select * from finish();

rollback;

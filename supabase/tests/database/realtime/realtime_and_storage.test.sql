-- Four tables are published for Realtime. Exports are in one private bucket, where each user has a folder.
begin;

create extension if not exists pgtap with schema extensions;

select plan(25);

select set_eq(
  $$select t.tablename::text from pg_catalog.pg_publication_tables as t where t.pubname = 'supabase_realtime' and t.schemaname = 'public'$$,
  $$values ('users'), ('strategies'), ('subscriptions'), ('credit_transactions')$$,
  'these four tables are published for realtime'
);

select results_eq(
  $$select b.public, b.file_size_limit, b.allowed_mime_types from storage.buckets as b where b.id = 'strategy-exports'$$,
  $$values (false, 10485760::bigint, array['application/json', 'text/csv', 'text/plain', 'image/png'])$$,
  'the bucket is private and accepts four types of files of up to 10 MiB'
);

insert into auth.users (id, aud, role, email)
values
  (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@storage.test'),
  (md5('stranger')::uuid, 'authenticated', 'authenticated', 'stranger@storage.test');

insert into storage.buckets (id, name) values ('another-bucket', 'another-bucket');
insert into storage.objects (bucket_id, name)
values
  ('strategy-exports', md5('owner')::uuid || '/mine.csv'),
  ('another-bucket', md5('owner')::uuid || '/not-ours.csv');

create function pg_temp.as_user(who text, statement text)
returns text
language plpgsql
as $$
declare
  v_rows integer;
  v_outcome text;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', md5(who)::uuid, 'role', 'authenticated')::text, true);
  perform set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  -- Storage deletes rows with this on; without it every delete by SQL is refused.
  perform set_config('storage.allow_delete_query', 'true', true);
  begin
    execute statement;
    get diagnostics v_rows = row_count;
    raise exception using errcode = 'UNDO0', message = v_rows;
  exception
    when sqlstate 'UNDO0' then v_outcome := sqlerrm;
    when others then v_outcome := sqlstate;
  end;
  perform set_config('role', session_user, true);
  return v_outcome;
end;
$$;

create function pg_temp.put(bucket text, path text)
returns text
language sql
return format('insert into storage.objects (bucket_id, name) values (%L, %L)', bucket, path);

select is(pg_temp.as_user('owner', $$select id from storage.objects$$), '1', 'a user sees only their own files in this bucket');
select is(pg_temp.as_user('stranger', $$select id from storage.objects$$), '0', 'another user does not see them');
select is(pg_temp.as_user('anon', $$select id from storage.objects$$), '0', 'a visitor does not see them');

select is(pg_temp.as_user('owner', pg_temp.put('strategy-exports', md5('owner')::uuid || '/a/b.json')), '1', 'a user can write below their own folder');
select is(pg_temp.as_user('owner', pg_temp.put('strategy-exports', md5('stranger')::uuid || '/a.json')), '42501', 'a user cannot write below another''s folder');
select is(pg_temp.as_user('owner', pg_temp.put('strategy-exports', 'a.json')), '42501', 'a user cannot write outside the folders');
select is(pg_temp.as_user('owner', pg_temp.put('strategy-exports', md5('owner')::uuid::text)), '42501', 'a user cannot write a file with the folder''s name');
select is(pg_temp.as_user('owner', pg_temp.put('strategy-exports', 'x/' || md5('owner')::uuid || '/a.json')), '42501', 'a user cannot write below a folder of their id inside another folder');
select is(pg_temp.as_user('owner', pg_temp.put('another-bucket', md5('owner')::uuid || '/a.json')), '42501', 'a user cannot write to another bucket');
select is(pg_temp.as_user('anon', pg_temp.put('strategy-exports', md5('anon')::uuid || '/a.json')), '42501', 'a visitor cannot write');

select is(
  pg_temp.as_user('owner', $$update storage.objects set metadata = '{}' where bucket_id = 'strategy-exports'$$), '1', 'a user can replace their own file'
);
select is(
  pg_temp.as_user('owner', format($$update storage.objects set name = '%s/moved.csv' where bucket_id = 'strategy-exports'$$, md5('stranger')::uuid)),
  '42501', 'a user cannot move a file to another''s folder'
);
select is(
  pg_temp.as_user('stranger', $$update storage.objects set metadata = '{}' where bucket_id = 'strategy-exports'$$), '0', 'another user cannot replace it'
);
select is(pg_temp.as_user('owner', $$delete from storage.objects where bucket_id = 'strategy-exports'$$), '1', 'a user can delete their own file');
select is(pg_temp.as_user('stranger', $$delete from storage.objects where bucket_id = 'strategy-exports'$$), '0', 'another user cannot delete it');

-- --------------------------------------------------------- the limit of the plan

update public.plans set max_strategies = 2, max_versions = 2 where plan_type = 'free';

-- The outcome of a statement while the owner has more files of a size. Another user's files, whose names sort next to them,
-- must not count.
create function pg_temp.room(files integer, bytes bigint, statement text)
returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  insert into storage.objects (bucket_id, name, metadata)
  select 'strategy-exports', md5('owner')::uuid || '/' || n || '.json', jsonb_build_object('size', bytes)
  from generate_series(1, files) as n;
  insert into storage.objects (bucket_id, name, metadata)
  select 'strategy-exports', md5('owner')::uuid || '0/' || n || '.json', '{"size": 10485760}'
  from generate_series(1, 9) as n;
  v_outcome := pg_temp.as_user('owner', statement);
  delete from storage.objects where bucket_id = 'strategy-exports' and name not like '%mine.csv';
  return v_outcome;
end;
$$;
select set_config('storage.allow_delete_query', 'true', true);

select is(
  pg_temp.room(r.files, r.bytes, pg_temp.put('strategy-exports', md5('owner')::uuid || '/new.json')),
  r.expected,
  format('2 strategies of 2 versions: with %s files of %s bytes and an empty one, another gets %s', r.files, r.bytes, r.expected)
)
from (
  values (2, 1, '1'), (3, 1, '42501'), (1, 524287, '1'), (1, 524288, '42501'), (2, 262144, '42501')
) as r (files, bytes, expected);
select is(
  pg_temp.room(1, 524288, $$update storage.objects set metadata = '{}' where name like '%mine.csv'$$), '42501',
  'a full folder''s file cannot be replaced'
);
select is(pg_temp.room(3, 524288, $$delete from storage.objects where name like '%mine.csv'$$), '1', 'a full folder''s file can be deleted');

update public.plans set max_strategies = null where plan_type = 'free';
select is(
  pg_temp.room(9, 10485760, pg_temp.put('strategy-exports', md5('owner')::uuid || '/new.json')), '1', 'a plan without a limit of strategies has no limit of files'
);

select * from finish();

rollback;

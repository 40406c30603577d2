-- Accounts follow auth.users, and never stand in its way.
begin;

create extension if not exists pgtap with schema extensions;

select plan(29);

-- ------------------------------------------------------------------- appearing

insert into auth.users (id, aud, role, email, raw_user_meta_data, last_sign_in_at, created_at)
values (
  md5('ada')::uuid, 'authenticated', 'authenticated', 'ada@accounts.test',
  '{"full_name": "  Ada Lovelace "}', '2026-01-02 03:04:05+00', '2025-12-31 00:00:00+00'
);

select results_eq(
  $$select email, full_name, last_login, created_at, credits, is_premium, premium_until, preferences
    from public.users where id = md5('ada')::uuid$$,
  $$values (
    'ada@accounts.test', 'Ada Lovelace', timestamptz '2026-01-02 03:04:05+00', timestamptz '2025-12-31 00:00:00+00',
    5, false, null::timestamptz, '{}'::jsonb
  )$$,
  'an auth user with an email gets an account with five credits and the name of the sign-up'
);

insert into auth.users (id, aud, role, email, raw_user_meta_data)
values
  (md5('oauth')::uuid, 'authenticated', 'authenticated', 'oauth@accounts.test', '{"name": "From OAuth"}'),
  (md5('blank')::uuid, 'authenticated', 'authenticated', 'blank@accounts.test', '{"full_name": "   "}'),
  (md5('long')::uuid, 'authenticated', 'authenticated', 'long@accounts.test', jsonb_build_object('full_name', repeat('x', 5000))),
  (md5('odd')::uuid, 'authenticated', 'authenticated', 'odd@accounts.test', '["not an object"]'),
  (md5('none')::uuid, 'authenticated', 'authenticated', 'none@accounts.test', null);

select is((select full_name from public.users where id = md5('oauth')::uuid), 'From OAuth', 'an OAuth provider''s name is taken');
select is((select full_name from public.users where id = md5('blank')::uuid), null, 'a blank name is none');
select is((select char_length(full_name) from public.users where id = md5('long')::uuid), 200, 'a name is cut at 200 characters');
select is((select full_name from public.users where id = md5('odd')::uuid), null, 'metadata of any shape makes an account');
select is((select full_name from public.users where id = md5('none')::uuid), null, 'no metadata makes an account');

insert into auth.users (id, aud, role, email, phone)
values (md5('anonymous')::uuid, 'authenticated', 'authenticated', null, null), (md5('phone')::uuid, 'authenticated', 'authenticated', null, '15550100');

select is_empty(
  $$select from public.users where id in (md5('anonymous')::uuid, md5('phone')::uuid)$$,
  'anonymous and phone users have no account'
);

update auth.users set email = 'phone@accounts.test' where id = md5('phone')::uuid;

select is(
  (select email from public.users where id = md5('phone')::uuid), 'phone@accounts.test',
  'one who gains an email gains an account'
);

-- ------------------------------------------------------------------- following

update auth.users
set email = 'ada.king@accounts.test', last_sign_in_at = '2026-02-03 04:05:06+00', raw_user_meta_data = '{"full_name": "Other"}'
where id = md5('ada')::uuid;

select results_eq(
  $$select email, last_login, full_name from public.users where id = md5('ada')::uuid$$,
  $$values ('ada.king@accounts.test', timestamptz '2026-02-03 04:05:06+00', 'Ada Lovelace')$$,
  'a change of email and a sign-in are followed, and the name stays the user''s own'
);

update auth.users set email = null where id = md5('oauth')::uuid;
select is(
  (select email from public.users where id = md5('oauth')::uuid), 'oauth@accounts.test',
  'an account outlives the loss of its email'
);

delete from auth.users where id = md5('oauth')::uuid;
select is_empty($$select from public.users where id = md5('oauth')::uuid$$, 'an account goes with its auth user');

-- --------------------------------------------------------- never in the way of auth

insert into auth.users (id, aud, role, email, is_sso_user)
values (md5('sso')::uuid, 'authenticated', 'authenticated', 'ada.king@accounts.test', true);

select results_eq(
  $$select id from public.users where email = 'ada.king@accounts.test'$$,
  $$values (md5('ada')::uuid)$$,
  'a single-sign-on user who shares an email can sign up, and the account stays whose it was'
);

insert into auth.users (id, aud, role, email, is_sso_user)
values (md5('sso two')::uuid, 'authenticated', 'authenticated', 'sso@accounts.test', true);

select is((select count(*) from public.users where email = 'sso@accounts.test'), 1::bigint, 'a single-sign-on user has an account');

update auth.users set email = 'sso@accounts.test' where id = md5('none')::uuid;

select is(
  (select email from public.users where id = md5('none')::uuid), 'none@accounts.test',
  'an email that another account holds is not followed'
);

delete from public.users where id = md5('blank')::uuid;
update auth.users set last_sign_in_at = now() where id = md5('blank')::uuid;
select is((select count(*) from public.users where id = md5('blank')::uuid), 1::bigint, 'a sign-in mends a missing account');

alter table public.users add constraint broken check (email not like 'broken%') not valid;

select lives_ok(
  $$insert into auth.users (id, aud, role, email) values (md5('broken')::uuid, 'authenticated', 'authenticated', 'broken@accounts.test')$$,
  'a sign-up succeeds though the account cannot be made'
);
select is((select count(*) from auth.users where id = md5('broken')::uuid), 1::bigint, 'and its auth user is there');

alter table public.users drop constraint broken;
drop function private.ensure_account(uuid);

select lives_ok(
  $$update auth.users set last_sign_in_at = now() + interval '1 hour' where id = md5('ada')::uuid$$,
  'a sign-in succeeds though our code is broken'
);

-- --------------------------------------------------------------------- the table

select throws_ok(
  $$update public.users set credits = -1 where id = md5('ada')::uuid$$, '23514', null, 'credits are never negative'
);
select throws_ok(
  $$update public.users set preferences = '[]' where id = md5('ada')::uuid$$, '23514', null, 'preferences are an object'
);
select throws_ok(
  $$update public.users set preferences = jsonb_build_object('a', repeat('x', 16384)) where id = md5('ada')::uuid$$, '23514', null,
  'preferences of more than 16 KiB are refused'
);
select lives_ok(
  $$update public.users set preferences = jsonb_build_object('a', repeat('x', 16384 - 9)) where id = md5('ada')::uuid$$,
  'preferences of exactly 16 KiB are kept'
);
select throws_ok(
  $$update public.users set full_name = repeat('x', 201) where id = md5('ada')::uuid$$, '23514', null, 'a name has at most 200 characters'
);
select throws_ok(
  $$update public.users set email = 'phone@accounts.test' where id = md5('ada')::uuid$$, '23505', null, 'an email belongs to one account'
);

update public.users set is_premium = true where id = md5('ada')::uuid;
select is((select is_premium from public.users where id = md5('ada')::uuid), false, 'is_premium alone cannot be written');

update public.users set premium_until = now() + interval '1 second' where id = md5('ada')::uuid;
select is((select is_premium from public.users where id = md5('ada')::uuid), true, 'is_premium follows premium_until');
select is(private.is_premium(md5('ada')::uuid), true, 'premium until a moment in the future is premium');

update public.users set premium_until = now() where id = md5('ada')::uuid;
select is(private.is_premium(md5('ada')::uuid), false, 'premium until now is over');
select is(private.is_premium(md5('nobody')::uuid), false, 'nobody is not premium');

select * from finish();

rollback;

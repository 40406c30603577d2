-- Accounts follow auth.users, and never make a write to it fail.
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

select is((select full_name from public.users where id = md5('oauth')::uuid), 'From OAuth', 'the name of an OAuth provider is used');
select is((select full_name from public.users where id = md5('blank')::uuid), null, 'a blank name is stored as null');
select is((select char_length(full_name) from public.users where id = md5('long')::uuid), 200, 'a long name is cut at 200 characters');
select is((select full_name from public.users where id = md5('odd')::uuid), null, 'metadata of an unexpected type does not prevent the account');
select is((select full_name from public.users where id = md5('none')::uuid), null, 'missing metadata does not prevent the account');

insert into auth.users (id, aud, role, email, phone)
values (md5('anonymous')::uuid, 'authenticated', 'authenticated', null, null), (md5('phone')::uuid, 'authenticated', 'authenticated', null, '15550100');

select is_empty(
  $$select from public.users where id in (md5('anonymous')::uuid, md5('phone')::uuid)$$,
  'anonymous and phone users have no account'
);

update auth.users set email = 'phone@accounts.test' where id = md5('phone')::uuid;

select is(
  (select email from public.users where id = md5('phone')::uuid), 'phone@accounts.test',
  'a user who gets an email gets an account'
);

-- ------------------------------------------------------------------- following

update auth.users
set email = 'ada.king@accounts.test', last_sign_in_at = '2026-02-03 04:05:06+00', raw_user_meta_data = '{"full_name": "Other"}'
where id = md5('ada')::uuid;

select results_eq(
  $$select email, last_login, full_name from public.users where id = md5('ada')::uuid$$,
  $$values ('ada.king@accounts.test', timestamptz '2026-02-03 04:05:06+00', 'Ada Lovelace')$$,
  'the account follows changes of email and sign-ins, but not of the name'
);

update auth.users set email = null where id = md5('oauth')::uuid;
select is(
  (select email from public.users where id = md5('oauth')::uuid), 'oauth@accounts.test',
  'an account stays when its user loses the email'
);

delete from auth.users where id = md5('oauth')::uuid;
select is_empty($$select from public.users where id = md5('oauth')::uuid$$, 'an account is deleted with its auth user');

-- --------------------------------------------------------- never in the way of auth

insert into auth.users (id, aud, role, email, is_sso_user)
values (md5('sso')::uuid, 'authenticated', 'authenticated', 'ada.king@accounts.test', true);

select results_eq(
  $$select id from public.users where email = 'ada.king@accounts.test'$$,
  $$values (md5('ada')::uuid)$$,
  'a single sign-on user with the email of an account can sign up, and the account keeps its user'
);

insert into auth.users (id, aud, role, email, is_sso_user)
values (md5('sso two')::uuid, 'authenticated', 'authenticated', 'sso@accounts.test', true);

select is((select count(*) from public.users where email = 'sso@accounts.test'), 1::bigint, 'a single sign-on user with a new email has an account');

update auth.users set email = 'sso@accounts.test' where id = md5('none')::uuid;

select is(
  (select email from public.users where id = md5('none')::uuid), 'none@accounts.test',
  'an account does not follow a change to another account''s email'
);

delete from public.users where id = md5('blank')::uuid;
update auth.users set last_sign_in_at = now() where id = md5('blank')::uuid;
select is((select count(*) from public.users where id = md5('blank')::uuid), 1::bigint, 'a sign-in creates a missing account');

alter table public.users add constraint broken check (email not like 'broken%') not valid;

select lives_ok(
  $$insert into auth.users (id, aud, role, email) values (md5('broken')::uuid, 'authenticated', 'authenticated', 'broken@accounts.test')$$,
  'a sign-up succeeds even if its account cannot be created'
);
select is((select count(*) from auth.users where id = md5('broken')::uuid), 1::bigint, 'the auth user of such a sign-up exists');

alter table public.users drop constraint broken;
drop function private.ensure_account(uuid);

select lives_ok(
  $$update auth.users set last_sign_in_at = now() + interval '1 hour' where id = md5('ada')::uuid$$,
  'a sign-in succeeds even if our function is missing'
);

-- --------------------------------------------------------------------- the table

select throws_ok(
  $$update public.users set credits = -1 where id = md5('ada')::uuid$$, '23514', null, 'negative credits are refused'
);
select throws_ok(
  $$update public.users set preferences = '[]' where id = md5('ada')::uuid$$, '23514', null, 'preferences that are no object are refused'
);
select throws_ok(
  $$update public.users set preferences = jsonb_build_object('a', repeat('x', 16384)) where id = md5('ada')::uuid$$, '23514', null,
  'preferences of more than 16 KiB are refused'
);
select lives_ok(
  $$update public.users set preferences = jsonb_build_object('a', repeat('x', 16384 - 9)) where id = md5('ada')::uuid$$,
  'preferences of exactly 16 KiB are accepted'
);
select throws_ok(
  $$update public.users set full_name = repeat('x', 201) where id = md5('ada')::uuid$$, '23514', null, 'a name of more than 200 characters is refused'
);
select throws_ok(
  $$update public.users set email = 'phone@accounts.test' where id = md5('ada')::uuid$$, '23505', null, 'two accounts with one email are refused'
);

update public.users set is_premium = true where id = md5('ada')::uuid;
select is((select is_premium from public.users where id = md5('ada')::uuid), false, 'is_premium cannot be set without premium_until');

update public.users set premium_until = now() + interval '1 second' where id = md5('ada')::uuid;
select is((select is_premium from public.users where id = md5('ada')::uuid), true, 'is_premium follows premium_until');
select is(private.is_premium(md5('ada')::uuid), true, 'a user is premium until premium_until');

update public.users set premium_until = now() where id = md5('ada')::uuid;
select is(private.is_premium(md5('ada')::uuid), false, 'a user is not premium at premium_until');
select is(private.is_premium(md5('nobody')::uuid), false, 'an unknown user is not premium');

select * from finish();

rollback;

-- Account data: what a user gets to see of all that is kept about them, how it is
-- deleted, and what has to be remembered after that.

-- The account as an app shows it. The plan is the one whose limits bind now; the
-- subscription is the one that plan_of() would choose, or the last that there was.
create function private.account_document(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'user', to_jsonb(u) || jsonb_build_object('is_premium', private.is_premium_until(u.premium_until)),
    'plan', to_jsonb(private.plan_of(u.id)),
    'subscription', (
      select to_jsonb(s)
      from public.subscriptions as s
      where s.user_id = u.id
      order by s.ended_at is null desc, s.current_period_end desc nulls first, s.created_at desc
      limit 1
    ),
    'credits', u.credits,
    'is_premium', private.is_premium_until(u.premium_until),
    'premium_until', u.premium_until
  )
  from public.users as u
  where u.id = account_document.user_id;
end;

comment on function private.account_document(uuid) is
  'An account: {user, plan, subscription, credits, is_premium, premium_until}. Null for an unknown user.';

revoke all on function private.account_document from public, anon, authenticated, service_role;

-- An app calls this first, so it also makes the account that a failed sign-up left out.
create function private.get_my_account()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id();
  v_account jsonb;
begin
  v_account := private.account_document(v_user_id);

  if v_account is null then
    perform private.ensure_account(v_user_id);
    v_account := private.account_document(v_user_id);
  end if;

  if v_account is null then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  return v_account;
end;
$$;

comment on function private.get_my_account() is
  'Work of public.get_my_account().';

revoke all on function private.get_my_account from public, anon, authenticated, service_role;
grant execute on function private.get_my_account to authenticated;

create function public.get_my_account()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.get_my_account();
end;

comment on function public.get_my_account() is
  'The signed-in user''s account: {user, plan, subscription, credits, is_premium, premium_until}.';

revoke all on function public.get_my_account from public, anon, authenticated, service_role;
grant execute on function public.get_my_account to authenticated;

-- Every table that holds rows of a user is named here, and a test compares the list with the
-- tables there are. Ciphertext stays out: it is of no use without the secret, and of much to
-- whoever should get at one.
create function private.export_user_data(user_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if export_user_data.user_id is null then
    perform private.raise_error('invalid_argument', 'Say whose data is meant.', '{"argument": "user_id"}');
  elsif not exists (select from public.users as u where u.id = export_user_data.user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.');
  end if;

  return jsonb_build_object(
    'users', (
      select coalesce(jsonb_agg(to_jsonb(t)), '[]')
      from public.users as t
      where t.id = export_user_data.user_id
    ),
    'credit_transactions', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
      from public.credit_transactions as t
      where t.user_id = export_user_data.user_id
    ),
    'subscriptions', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from public.subscriptions as t
      where t.user_id = export_user_data.user_id
    ),
    'api_keys', (
      select coalesce(jsonb_agg(to_jsonb(t) - 'key_encrypted' order by t.created_at, t.id), '[]')
      from public.api_keys as t
      where t.user_id = export_user_data.user_id
    ),
    'api_key_events', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
      from public.api_key_events as t
      where t.user_id = export_user_data.user_id
    ),
    'indicators', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from public.indicators as t
      where t.created_by = export_user_data.user_id
    ),
    'custom_indicators', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from public.custom_indicators as t
      where t.user_id = export_user_data.user_id
    ),
    'strategies', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from public.strategies as t
      where t.user_id = export_user_data.user_id
    ),
    'strategy_components', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.strategy_id, t.component_type, t.position), '[]')
      from public.strategy_components as t
      where t.user_id = export_user_data.user_id
    ),
    'strategy_versions', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.strategy_id, t.version_number), '[]')
      from public.strategy_versions as t
      where t.user_id = export_user_data.user_id
    ),
    'user_coupons', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.used_at, t.id), '[]')
      from public.user_coupons as t
      where t.user_id = export_user_data.user_id
    )
  );
end;
$$;

comment on function private.export_user_data(uuid) is
  'Work of public.export_user_data() and export_my_data().';

revoke all on function private.export_user_data from public, anon, authenticated, service_role;
grant execute on function private.export_user_data to service_role;

create function public.export_user_data(user_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.export_user_data(user_id);
end;

comment on function public.export_user_data(uuid) is
  'Every row of one user, by table name; without ciphertext.';

revoke all on function public.export_user_data from public, anon, authenticated, service_role;
grant execute on function public.export_user_data to service_role;

create function private.export_my_data()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
begin
  if not exists (select from public.users as u where u.id = v_user_id) then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  return private.export_user_data(v_user_id);
end;
$$;

comment on function private.export_my_data() is
  'Work of public.export_my_data().';

revoke all on function private.export_my_data from public, anon, authenticated, service_role;
grant execute on function private.export_my_data to authenticated;

create function public.export_my_data()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.export_my_data();
end;

comment on function public.export_my_data() is
  'Every row of the signed-in user, by table name; without ciphertext.';

revoke all on function public.export_my_data from public, anon, authenticated, service_role;
grant execute on function public.export_my_data to authenticated;

-- Tombstones: what has to be known of a deleted user. The id, so that an event that a payment
-- provider sends late is known to be about nobody; a keyed hash of the email and the ids of the
-- coupons, so that deleting and returning is not a way to new credits and used coupons.
-- Without the key, which is in Vault, a hash cannot be compared with a list of emails.
create table private.deleted_users (
  user_id uuid primary key,
  email_hash bytea,
  coupon_ids uuid[] not null default '{}',
  deleted_at timestamptz not null default now()
);

create index deleted_users_email_hash_idx on private.deleted_users (email_hash);

comment on table private.deleted_users is 'Tombstones of deleted users, by whatever path they went. No name, no email.';
comment on column private.deleted_users.email_hash is 'HMAC-SHA-256 of the email; null where Vault had no key.';
comment on column private.deleted_users.coupon_ids is
  'Coupons that the user had redeemed; they move back to a user who returns.';

revoke all on private.deleted_users from public, anon, authenticated, service_role;

-- Made once, here, and known to nobody. A key that is there already is kept: with another
-- one no tombstone would be recognised.
select vault.create_secret(
  encode(extensions.gen_random_bytes(32), 'hex'),
  'deleted_email_key',
  'Key of the hashes by which a returning email is recognised.'
)
where not exists (
  select
  from vault.secrets as s
  where s.name = 'deleted_email_key'
);

-- Neither signing up nor deleting an account may fail for want of a key: without one an
-- email is not recognised, and the log says so.
create function private.hash_email(email text)
returns bytea
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_key text;
begin
  select s.decrypted_secret
  into v_key
  from vault.decrypted_secrets as s
  where s.name = 'deleted_email_key';

  if v_key is null then
    raise warning 'Vault holds no deleted_email_key: returning emails are not recognised';
  end if;

  return extensions.hmac(lower(btrim(hash_email.email)), v_key, 'sha256');
exception
  when others then
    raise warning 'Vault did not open deleted_email_key: returning emails are not recognised (%)', sqlstate;
    return null;
end;
$$;

comment on function private.hash_email(text) is
  'HMAC-SHA-256 of an email without regard to case, by a key in Vault; null, with a warning, where there is none.';

revoke all on function private.hash_email from public, anon, authenticated, service_role;

-- Before the row goes, while what hangs on it is still there; with its lock held, so that a
-- redemption that was under way has either been committed and is seen, or will find no account.
create function private.bury_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_users as d (user_id, email_hash, coupon_ids)
  values (
    old.id,
    private.hash_email(old.email),
    array(
      select r.coupon_id
      from public.user_coupons as r
      where r.user_id = old.id
      order by r.used_at
    )
  )
  on conflict (user_id) do update
    set email_hash = excluded.email_hash,
        coupon_ids = excluded.coupon_ids,
        deleted_at = excluded.deleted_at;
  return old;
end;
$$;

comment on function private.bury_user() is
  'Trigger function: writes the tombstone of an account that is being deleted.';

revoke all on function private.bury_user from public, anon, authenticated, service_role;

create trigger users_leave_a_tombstone
  before delete on public.users
  for each row
  execute function private.bury_user();

-- An email that returns starts with nothing, and its redemptions are where they were:
-- redeemed, and spent. They move, so that each counts once among a coupon's uses.
create function private.refuse_second_opening()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if exists (
    select
    from private.deleted_users as d
    where d.email_hash = private.hash_email(new.email)
  ) then
    new.credits := 0;
  end if;
  return new;
end;
$$;

comment on function private.refuse_second_opening() is
  'Trigger function: a new account whose email was a deleted user''s opens with no credits.';

revoke all on function private.refuse_second_opening from public, anon, authenticated, service_role;

create trigger users_refuse_second_opening
  before insert on public.users
  for each row
  execute function private.refuse_second_opening();

create function private.return_redemptions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  with returned as (
    update private.deleted_users as d
    set coupon_ids = '{}'
    from private.deleted_users as before
    where d.email_hash = private.hash_email(new.email)
      and d.coupon_ids <> '{}'
      and before.user_id = d.user_id
    returning before.coupon_ids, before.deleted_at
  )
  insert into public.user_coupons (user_id, coupon_id, used_at, applied_at)
  select new.id, c.id, r.deleted_at, r.deleted_at
  from returned as r
  cross join lateral unnest(r.coupon_ids) as coupon (id)
  join public.coupons as c on c.id = coupon.id
  on conflict do nothing;
  return null;
end;
$$;

comment on function private.return_redemptions() is
  'Trigger function: gives a returning email its redemptions back, as spent.';

revoke all on function private.return_redemptions from public, anon, authenticated, service_role;

create trigger users_return_redemptions
  after insert on public.users
  for each row
  execute function private.return_redemptions();

create function private.is_deleted_user(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
begin atomic
  select exists (
      select
      from private.deleted_users as d
      where d.user_id = is_deleted_user.user_id
    )
    and not exists (
      select
      from public.users as u
      where u.id = is_deleted_user.user_id
    );
end;

comment on function private.is_deleted_user(uuid) is
  'Whether this id was a user''s who is gone: whatever still comes for them is to be ignored.';

revoke all on function private.is_deleted_user from public, anon, authenticated, service_role;

-- The auth user goes, and every row with it. Files are not rows: whoever calls this has
-- removed them by the Storage API.
create function private.delete_user(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if delete_user.user_id is null then
    perform private.raise_error('invalid_argument', 'Say who is to be deleted.', '{"argument": "user_id"}');
  end if;

  delete from auth.users as u
  where u.id = delete_user.user_id;

  return jsonb_build_object('deleted', found);
end;
$$;

comment on function private.delete_user(uuid) is
  'Work of public.delete_user().';

revoke all on function private.delete_user from public, anon, authenticated, service_role;
grant execute on function private.delete_user to service_role;

create function public.delete_user(user_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.delete_user(user_id);
end;

comment on function public.delete_user(uuid) is
  'Deletes an auth user and every row of theirs: {deleted}. Files and subscriptions at a provider are for the caller to end first, as delete-account does.';

revoke all on function public.delete_user from public, anon, authenticated, service_role;
grant execute on function public.delete_user to service_role;

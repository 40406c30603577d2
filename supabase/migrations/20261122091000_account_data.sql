-- Made from supabase/schemas/account_data/ by `npm run db:diff -- --first`: change it there.

-- The account as an app shows it: {user, plan, subscription, credits, is_premium, premium_until}; null for an
-- unknown user. The plan is the one whose limits hold now. The subscription is the one that plan_of() would choose,
-- or the last one.
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

revoke all on function private.account_document from public, anon, authenticated, service_role;

-- Every email that an account has ever had, as a keyed hash. It outlives the account, as account_uses does.
-- Otherwise a person could change the email, delete the account and sign up with the first email again, to get new
-- opening credits, use a coupon twice or have another trial. Only confirmed emails count, or a stranger could use up
-- a person's email by signing up with it.
--
-- The key is in Vault and not in a table. A dump of the database contains every table; with the key beside them, the
-- hashes could be compared with any list of emails.
create table private.account_emails (
  user_id uuid not null,
  email_hash bytea not null,
  constraint account_emails_pkey primary key (user_id, email_hash)
);

create index account_emails_email_hash_idx on private.account_emails (email_hash);

comment on table private.account_emails is
  'Every confirmed email that an account has had. Kept when the account is deleted; the email itself is not.';
comment on column private.account_emails.email_hash is 'HMAC-SHA-256 of the email.';

revoke all on private.account_emails from public, anon, authenticated, service_role;

create table private.account_uses (
  user_id uuid not null,
  kind text not null,
  reference text not null default '',
  used_at timestamptz not null default now(),
  constraint account_uses_pkey primary key (user_id, kind, reference),
  constraint account_uses_kind_known check (kind in ('coupon', 'trial'))
);

comment on table private.account_uses is
  'Uses of what a person may use once, per account: trials, and the coupons of deleted accounts. Kept when the account is deleted.';
comment on column private.account_uses.reference is 'A coupon''s id; empty where there is only one of a kind.';

-- Whether this account, or another account that has had one of its emails, has used something that a person may use
-- once. `kind` names what it is, and `reference` which one, such as the id of a coupon. For a trial: call
-- person_used('trial', user_id) before it is offered, and remember_use('trial', user_id) in the transaction that
-- begins it.
create function private.person_used(kind text, user_id uuid, reference text default '')
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select
    from private.account_uses as u
    where u.kind = person_used.kind
      and u.reference = person_used.reference
      and (
        u.user_id = person_used.user_id
        or u.user_id in (
          select other.user_id
          from private.account_emails as mine
          join private.account_emails as other on other.email_hash = mine.email_hash
          where mine.user_id = person_used.user_id
        )
      )
  );
end;
$$;

-- Records that an account has used something that a person may use once. The record is kept when the account is
-- deleted.
create function private.remember_use(kind text, user_id uuid, reference text default '')
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.account_uses (user_id, kind, reference)
  values (remember_use.user_id, remember_use.kind, remember_use.reference)
  on conflict on constraint account_uses_pkey do nothing;
end;
$$;

revoke all on private.account_uses from public, anon, authenticated, service_role;
revoke all on function private.person_used, private.remember_use from public, anon, authenticated, service_role;

-- Deletes the auth user and every row of theirs. Files are not rows: the caller removes them first, by the Storage
-- API.
create function private.delete_user(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if delete_user.user_id is null then
    perform private.raise_error('invalid_argument', 'Give the id of the user to delete.', '{"argument": "user_id"}');
  end if;

  delete from auth.users as u
  where u.id = delete_user.user_id;

  return jsonb_build_object('deleted', found);
end;
$$;

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
  'Deletes an auth user and every row of theirs: {deleted}. The caller first deletes the files and ends the subscriptions at a provider, as delete-account does.';

revoke all on function private.delete_user, public.delete_user from public, anon, authenticated, service_role;
grant execute on function private.delete_user, public.delete_user to service_role;

-- Ids of deleted users, so that a late event of a payment provider is recognised as one about a deleted user.
create table private.deleted_users (
  user_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_users is 'Ids of deleted users, by whatever path they were deleted. No name, no email.';

revoke all on private.deleted_users from public, anon, authenticated, service_role;

-- Ten exports a day are more than anybody needs, and few enough that nobody keeps the database busy with them. The
-- first page of each section counts, so an export that leaves sections out is counted too.
create function private.export_my_data(section text, cursor text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
  v_section text := coalesce(export_my_data.section, 'users');
  v_wait integer;
begin
  if not exists (select from public.users as u where u.id = v_user_id) then
    perform private.raise_error('email_required', 'Add an email to your account first.');
  end if;

  if export_my_data.cursor is null and v_section = any (private.export_sections()) then
    v_wait := private.take_attempt('export_' || v_section, v_user_id, 10, interval '1 day');
    if v_wait is not null then
      perform private.raise_error(
        'rate_limited', 'Your data can be exported ten times a day. Wait before the next export.',
        jsonb_build_object('retry_after', v_wait)
      );
    end if;
  end if;

  return private.export_user_data(v_user_id, export_my_data.section, export_my_data.cursor);
end;
$$;

create function public.export_my_data(section text default null, cursor text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.export_my_data(section, cursor);
end;

comment on function public.export_my_data(text, text) is
  'A page of the signed-in user''s rows: {sections, section, rows, next_cursor}; without ciphertext. Read each section until next_cursor is null. Ten exports a day.';

revoke all on function private.export_my_data, public.export_my_data from public, anon, authenticated, service_role;
grant execute on function private.export_my_data, public.export_my_data to authenticated;

-- The sections of an export, in their order: every table that holds rows of a user. A test compares the list with
-- the tables that exist.
create function private.export_sections()
returns text[]
language sql
immutable
security invoker
set search_path = ''
return array[
  'users', 'credit_transactions', 'subscriptions', 'api_keys', 'api_key_events', 'indicators', 'custom_indicators',
  'strategies', 'strategy_components', 'strategy_versions', 'user_coupons', 'archived_credits', 'archived_key_events'
];

-- Returns one page of one section: at most 1,000 rows and about 2 MiB, so that no account is too large to be
-- exported. A cursor is the section and the key of the last row that was read. Each page continues after that row,
-- so rows that are added meanwhile cause no repeats and no gaps. Ciphertext is left out: it is useless to the user,
-- and valuable to somebody who has obtained the secret.
create function private.export_user_data(user_id uuid, section text, cursor text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := export_user_data.user_id;
  v_section text := coalesce(export_user_data.section, split_part(export_user_data.cursor, ':', 1), 'users');
  v_key text := substr(export_user_data.cursor, char_length(v_section) + 2);
  v_after_id uuid := '00000000-0000-0000-0000-000000000000';
  v_after_number bigint := 0;
  v_after_text text := '';
  v_source refcursor;
  v_row jsonb;
  v_rows jsonb[] := '{}';
  v_bytes integer := 0;
  v_last_key text;
  v_next_cursor text;
begin
  if v_user_id is null then
    perform private.raise_error(
      'invalid_argument', 'Give the id of the user whose data is exported.', '{"argument": "user_id"}'
    );
  elsif not exists (select from public.users as u where u.id = v_user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.');
  end if;

  if export_user_data.cursor is not null then
    if v_section in ('credit_transactions', 'api_key_events') and v_key ~ '^\d{1,18}$' then
      v_after_number := v_key::bigint;
    elsif v_section = 'strategy_versions' and v_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{1,9}$' then
      v_after_id := split_part(v_key, ':', 1)::uuid;
      v_after_number := split_part(v_key, ':', 2)::bigint;
    elsif v_section = 'archived_key_events' and v_key ~ '^[a-z0-9_-]{2,32}:[a-z_]+$' then
      v_after_text := v_key;
    elsif v_section not in (
        'credit_transactions', 'api_key_events', 'strategy_versions', 'archived_credits', 'archived_key_events'
      )
      and v_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    then
      v_after_id := v_key::uuid;
    else
      v_key := null;
    end if;
    if v_key is null or not starts_with(export_user_data.cursor, v_section || ':') then
      perform private.raise_error(
        'invalid_argument', 'Give the next_cursor of an earlier page of the same section, or no cursor.',
        '{"argument": "cursor"}'
      );
    end if;
  end if;

  case v_section
    when 'users' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.users as t
        where t.id = v_user_id and t.id > v_after_id;
    when 'credit_transactions' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.credit_transactions as t
        where t.user_id = v_user_id and t.id > v_after_number
        order by t.id
        limit 1001;
    when 'subscriptions' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.subscriptions as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'api_keys' then
      open v_source for
        select to_jsonb(t) - 'key_encrypted', t.id::text
        from public.api_keys as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'api_key_events' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.api_key_events as t
        where t.user_id = v_user_id and t.id > v_after_number
        order by t.id
        limit 1001;
    when 'indicators' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.indicators as t
        where t.created_by = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'custom_indicators' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.custom_indicators as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategies' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.strategies as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategy_components' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.strategy_components as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'strategy_versions' then
      open v_source for
        select to_jsonb(t), t.strategy_id || ':' || t.version_number
        from public.strategy_versions as t
        where t.user_id = v_user_id and (t.strategy_id, t.version_number) > (v_after_id, v_after_number)
        order by t.strategy_id, t.version_number
        limit 1001;
    when 'user_coupons' then
      open v_source for
        select to_jsonb(t), t.id::text
        from public.user_coupons as t
        where t.user_id = v_user_id and t.id > v_after_id
        order by t.id
        limit 1001;
    when 'archived_credits' then
      -- One row for each kind of movement: never more than a page.
      open v_source for
        select to_jsonb(t), t.kind
        from private.archived_credits as t
        where t.user_id = v_user_id
        order by t.kind;
    when 'archived_key_events' then
      open v_source for
        select to_jsonb(t), k.place
        from private.archived_key_events as t
        cross join lateral (select t.provider || ':' || t.action collate "C") as k (place)
        where t.user_id = v_user_id and k.place > v_after_text
        order by k.place
        limit 1001;
    else
      perform private.raise_error(
        'invalid_argument', 'Give one of the sections that the first page names.',
        jsonb_build_object('argument', 'section', 'enum', private.export_sections())
      );
  end case;

  loop
    fetch v_source into v_row, v_key;
    exit when not found;
    if cardinality(v_rows) = 1000 or v_bytes > 2097152 then
      v_next_cursor := v_section || ':' || v_last_key;
      exit;
    end if;
    v_rows := v_rows || v_row;
    v_bytes := v_bytes + octet_length(v_row::text);
    v_last_key := v_key;
  end loop;
  close v_source;

  return jsonb_build_object(
    'sections', private.export_sections(),
    'section', v_section,
    'rows', to_jsonb(v_rows),
    'next_cursor', v_next_cursor
  );
end;
$$;

create function public.export_user_data(user_id uuid, section text default null, cursor text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.export_user_data(user_id, section, cursor);
end;

comment on function public.export_user_data(uuid, text, text) is
  'A page of one user''s rows: {sections, section, rows, next_cursor}; without ciphertext. Read each section until next_cursor is null.';

revoke all on function private.export_sections, private.export_user_data, public.export_user_data
  from public, anon, authenticated, service_role;
grant execute on function private.export_user_data, public.export_user_data to service_role;

-- Remembers each confirmed email of an account. An error becomes a warning in the log, so that it never makes a
-- write of Auth fail.
create function private.follow_confirmed_email()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '2s'
as $$
begin
  perform private.remember_email(new.id, new.email);
  return null;
exception
  when others then
    raise warning 'the email of account % was not remembered: % (%)', new.id, sqlerrm, sqlstate;
    return null;
end;
$$;

set local lock_timeout = '5s';

-- 500: after the triggers that create the account (100), so that an account is created before its email counts as
-- one that an account has had.
create trigger pinebase_500_email_added
  after insert on auth.users
  for each row
  when (new.email <> '' and (new.email_confirmed_at is not null or new.is_sso_user))
  execute function private.follow_confirmed_email();

create trigger pinebase_500_email_confirmed
  after update of email, email_confirmed_at on auth.users
  for each row
  when (
    new.email <> ''
    and (new.email_confirmed_at is not null or new.is_sso_user)
    and (
      old.email is distinct from new.email
      or old.email_confirmed_at is distinct from new.email_confirmed_at
    )
  )
  execute function private.follow_confirmed_email();

revoke all on function private.follow_confirmed_email from public, anon, authenticated, service_role;

-- An app calls this first, so it also creates the account where the trigger at sign-up failed to.
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

revoke all on function private.get_my_account, public.get_my_account from public, anon, authenticated, service_role;
grant execute on function private.get_my_account, public.get_my_account to authenticated;

-- HMAC-SHA-256 of an email, without regard to case, by a key in Vault. Neither signing up nor deleting an account
-- may fail because that key is missing or unreadable: the result is then null, with a warning in the log, and
-- returning emails are not recognised.
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

revoke all on function private.hash_email from public, anon, authenticated, service_role;

-- Whether a user of this id existed and is deleted: late events about them are ignored.
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

revoke all on function private.is_deleted_user from public, anon, authenticated, service_role;

-- Records the id and the used coupons of a user who is being deleted. It runs before the user's row is deleted,
-- while the rows that depend on it still exist. It holds the lock on that row, so a redemption at the same time is
-- either committed and recorded here, or finds no account.
create function private.record_deleted_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_users as d (user_id)
  values (old.id)
  on conflict (user_id) do update
    set deleted_at = excluded.deleted_at;

  insert into private.account_uses (user_id, kind, reference, used_at)
  select old.id, 'coupon', r.coupon_id::text, r.used_at
  from public.user_coupons as r
  where r.user_id = old.id
  on conflict on constraint account_uses_pkey do nothing;

  -- A user who has signed in has a confirmed email, even where it was not recorded at the time.
  if old.last_login is not null then
    perform private.remember_email(old.id, old.email);
  end if;
  return old;
end;
$$;

create trigger users_record_deleted
  before delete on public.users
  for each row
  execute function private.record_deleted_user();

revoke all on function private.record_deleted_user from public, anon, authenticated, service_role;

-- A new account whose email another account has had starts with no credits. Otherwise, deleting an account and
-- signing up again would give opening credits each time.
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
    from private.account_emails as a
    where a.email_hash = private.hash_email(new.email)
      and (
        a.user_id <> new.id
        or private.is_deleted_user(new.id)
      )
  ) then
    new.credits := 0;
  end if;
  return new;
end;
$$;

create trigger users_refuse_second_opening
  before insert on public.users
  for each row
  execute function private.refuse_second_opening();

revoke all on function private.refuse_second_opening from public, anon, authenticated, service_role;

-- Records that an account has had this email.
create function private.remember_email(user_id uuid, email text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.account_emails (user_id, email_hash)
  select remember_email.user_id, h.email_hash
  from private.hash_email(remember_email.email) as h (email_hash)
  where h.email_hash is not null
  on conflict on constraint account_emails_pkey do nothing;
end;
$$;

revoke all on function private.remember_email from public, anon, authenticated, service_role;

-- Gives the new account of a returning email the redemptions of every account that has had this email, as spent.
-- They are not counted again as uses of the coupon.
create function private.return_redemptions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.user_coupons (user_id, coupon_id, used_at, applied_at)
  select new.id, c.id, min(r.used_at), min(r.used_at)
  from private.account_emails as a
  cross join lateral (
    select u.reference as coupon_id, u.used_at
    from private.account_uses as u
    where u.user_id = a.user_id
      and u.kind = 'coupon'
    union all
    select k.coupon_id::text, k.used_at
    from public.user_coupons as k
    where k.user_id = a.user_id
  ) as r
  join public.coupons as c on c.id::text = r.coupon_id
  where a.email_hash = private.hash_email(new.email)
  group by c.id
  on conflict on constraint user_coupons_once_per_user do nothing;
  return null;
end;
$$;

create trigger users_return_redemptions
  after insert on public.users
  for each row
  execute function private.return_redemptions();

revoke all on function private.return_redemptions from public, anon, authenticated, service_role;

-- The key is generated once, at random. An existing key is kept: under another key no email of a deleted account
-- would be recognised.
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

-- Records the emails of the accounts that exist already. The key is read from Vault once, not once per account.
insert into private.account_emails (user_id, email_hash)
select u.id, extensions.hmac(lower(btrim(u.email)), k.key, 'sha256')
from auth.users as u
cross join (
  select s.decrypted_secret as key
  from vault.decrypted_secrets as s
  where s.name = 'deleted_email_key'
  offset 0
) as k
where u.email <> ''
  and (u.email_confirmed_at is not null or u.is_sso_user);

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

-- Returns until when one subscription entitles its user; null for not at all. A period that will renew entitles for
-- three days more, because the renewal's webhook may be late; one with a scheduled end entitles exactly to that end.
-- A failed invoice never takes away time that was paid for.
--
-- The three days are 72 hours, because adding a day to a timestamptz uses the session's time zone: the result would
-- be an hour off across a change of summer time.
create function private.entitled_until(
  status text,
  current_period_end timestamptz,
  cancel_at timestamptz,
  grace_until timestamptz,
  paid_through timestamptz,
  revoked_at timestamptz
)
returns timestamptz
language sql
immutable
security invoker
set search_path = ''
return case
  when entitled_until.revoked_at is not null then null
  when entitled_until.status in ('trialing', 'active')
    then least(entitled_until.current_period_end + interval '72 hours', entitled_until.cancel_at)
  when entitled_until.status = 'past_due'
    then least(greatest(entitled_until.grace_until, entitled_until.paid_through), entitled_until.cancel_at)
end;

-- Derives users.premium_until from the user's subscriptions: the latest end counts. Nothing else writes it.
create function private.refresh_premium(user_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_until timestamptz;
begin
  select max(private.entitled_until(s.status, s.current_period_end, s.cancel_at, s.grace_until, s.paid_through, s.revoked_at))
  into v_until
  from public.subscriptions as s
  join public.plans as p on p.plan_type = s.plan_type
  where s.user_id = refresh_premium.user_id
    and p.is_premium;

  update public.users as u
  set premium_until = v_until
  where u.id = refresh_premium.user_id
    and u.premium_until is distinct from v_until;
end;
$$;

-- Premium follows every change of a subscription in the same transaction, by whatever path: an operator who sets a
-- row to canceled ends its premium.
create function private.follow_subscription()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    perform private.refresh_premium(old.user_id);
  end if;
  if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.user_id <> old.user_id) then
    perform private.refresh_premium(new.user_id);
  end if;
  return null;
end;
$$;

create trigger subscriptions_premium_follows
  after insert or delete on public.subscriptions
  for each row
  execute function private.follow_subscription();

create trigger subscriptions_premium_follows_changes
  after update on public.subscriptions
  for each row
  when (
    (old.user_id, old.status, old.plan_type, old.current_period_end, old.cancel_at, old.grace_until, old.paid_through, old.revoked_at)
    is distinct from
    (new.user_id, new.status, new.plan_type, new.current_period_end, new.cancel_at, new.grace_until, new.paid_through, new.revoked_at)
  )
  execute function private.follow_subscription();

revoke all on function private.entitled_until, private.refresh_premium, private.follow_subscription
  from public, anon, authenticated, service_role;

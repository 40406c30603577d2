-- At commit the last ledger row must carry the balance, by whatever path it changed. An update of users.credits
-- alone, also by service_role, is refused.
create function private.require_ledgered_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_credits integer;
  v_balance integer;
begin
  select u.credits
  into v_credits
  from public.users as u
  where u.id = new.id;

  select t.balance_after
  into v_balance
  from public.credit_transactions as t
  where t.user_id = new.id
  order by t.id desc
  limit 1;

  if v_credits is distinct from v_balance and v_credits is not null then
    raise exception using
      errcode = 'check_violation',
      message = 'users.credits changed without its ledger row: use grant_credits, charge_credits or refund_credits.',
      schema = 'public',
      table = 'users',
      column = 'credits',
      constraint = tg_name;
  end if;
  return null;
end;
$$;

create constraint trigger users_credits_are_ledgered
  after update of credits on public.users
  deferrable initially deferred
  for each row
  when (old.credits is distinct from new.credits)
  execute function private.require_ledgered_credits();

revoke all on function private.require_ledgered_credits from public, anon, authenticated, service_role;

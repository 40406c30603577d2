-- The opening balance is a ledger row like any other, whoever creates the account.
create function private.record_opening_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.credit_transactions (user_id, kind, delta, balance_after, reason)
  values (new.id, 'opening', new.credits, new.credits, 'Opening credits');
  return null;
end;
$$;

comment on function private.record_opening_credits() is
  'Trigger function: writes the ledger row of a new account''s opening credits.';

create trigger users_record_opening_credits
  after insert on public.users
  for each row
  execute function private.record_opening_credits();

revoke all on function private.record_opening_credits from public, anon, authenticated, service_role;

-- Writes the opening balance as a ledger row, by whatever path the account is created.
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

create trigger users_record_opening_credits
  after insert on public.users
  for each row
  execute function private.record_opening_credits();

revoke all on function private.record_opening_credits from public, anon, authenticated, service_role;

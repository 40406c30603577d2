-- Receipts must go to the account's present address. The change is only requested here and made by the next function
-- that calls the provider, because a change of email must never wait for a provider.
create function private.request_new_email()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.request_task(c.provider, c.customer_id, 'email', new.id, 'The email of the account has changed.', now())
  from private.billing_customers as c
  where c.user_id = new.id
    and c.provider = 'stripe'
    and c.deleted_at is null;
  return null;
end;
$$;

create trigger users_request_new_email
  after update of email on public.users
  for each row
  when (old.email is distinct from new.email)
  execute function private.request_new_email();

revoke all on function private.request_new_email from public, anon, authenticated, service_role;

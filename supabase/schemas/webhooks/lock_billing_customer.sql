-- Locks and returns the user of a provider's customer, before anything of theirs is written; null where the customer
-- is linked to no user. Deleting an account locks the user's row and then waits for the rest, so the other order
-- could end in a deadlock.
create function private.lock_customer_user(provider text, customer_id text)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  select u.id
  into v_user_id
  from private.billing_customers as c
  join public.users as u on u.id = c.user_id
  where c.provider = lock_customer_user.provider
    and c.customer_id = lock_customer_user.customer_id
  for no key update of u;

  return v_user_id;
end;
$$;

-- Events of one customer are recorded one after the other. Otherwise an event could be parked because it does not
-- see what another transaction is writing, while that one does not see the parked event. Held until the transaction
-- ends.
create function private.lock_billing_customer(provider text, customer_id text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if lock_billing_customer.customer_id is not null then
    perform pg_catalog.pg_advisory_xact_lock(
      pg_catalog.hashtextextended(lock_billing_customer.provider || ':' || lock_billing_customer.customer_id, 20)
    );
  end if;
end;
$$;

revoke all on function private.lock_customer_user, private.lock_billing_customer
  from public, anon, authenticated, service_role;

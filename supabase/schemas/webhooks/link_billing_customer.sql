-- Links a customer that we created at a provider to its user, and applies the events that were parked for it.
-- Returns the customer that the user has now, which is another one where two calls created one at the same time.
create function private.link_billing_customer(user_id uuid, provider text, customer_id text, as_of timestamptz)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_customer_id text;
begin
  perform private.lock_billing_customer(link_billing_customer.provider, link_billing_customer.customer_id);

  perform private.lock_account(link_billing_customer.user_id);

  insert into private.billing_customers (provider, customer_id, user_id)
  values (link_billing_customer.provider, link_billing_customer.customer_id, link_billing_customer.user_id)
  on conflict do nothing;

  select c.customer_id
  into v_customer_id
  from private.billing_customers as c
  where c.user_id = link_billing_customer.user_id
    and c.provider = link_billing_customer.provider
    and c.deleted_at is null;

  if v_customer_id is not null then
    perform private.retry_parked(
      link_billing_customer.provider,
      array['customer:' || v_customer_id, 'user:' || link_billing_customer.user_id],
      100,
      link_billing_customer.as_of
    );
  end if;
  return v_customer_id;
end;
$$;

create function public.link_billing_customer(user_id uuid, provider text, customer_id text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.link_billing_customer(user_id, provider, customer_id, now());
end;

comment on function public.link_billing_customer(uuid, text, text) is
  'Internal. Links a provider''s customer to a user; returns the customer that the user has.';

revoke all on function private.link_billing_customer, public.link_billing_customer
  from public, anon, authenticated, service_role;
grant execute on function private.link_billing_customer, public.link_billing_customer to service_role;

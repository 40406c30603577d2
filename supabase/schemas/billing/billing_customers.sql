-- Which user a provider's customer belongs to. This table takes precedence over whatever a payload contains: once
-- linked, a customer belongs to that user. A customer that was deleted at the provider stays linked, because events
-- about it may still arrive.
create table private.billing_customers (
  provider text not null,
  customer_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint billing_customers_pkey primary key (provider, customer_id),
  constraint billing_customers_provider_known check (provider in ('stripe', 'paypal')),
  constraint billing_customers_customer_id_length check (char_length(customer_id) between 1 and 255)
);

create index billing_customers_user_id_idx on private.billing_customers (user_id);

create unique index billing_customers_one_per_user
  on private.billing_customers (user_id, provider)
  where deleted_at is null;

comment on table private.billing_customers is
  'The user of each customer of a payment provider. Decides to whom a subscription belongs.';

-- Keeps the ids of customers whose user is deleted.
create function private.remember_deleted_customer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_customers (provider, customer_id)
  values (old.provider, old.customer_id)
  on conflict do nothing;
  return null;
end;
$$;

create trigger billing_customers_remember_deleted
  after delete on private.billing_customers
  for each row
  execute function private.remember_deleted_customer();

revoke all on private.billing_customers from public, anon, authenticated, service_role;
revoke all on function private.remember_deleted_customer from public, anon, authenticated, service_role;

-- Which user a provider's customer is. This table wins over whatever a payload says: a
-- customer, once linked, belongs to that user. One that was deleted at the provider
-- stays linked, because events about it may still be on their way.
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
  'Which user each customer of a payment provider is. Decides whose a subscription is.';

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

comment on function private.remember_deleted_customer() is
  'Trigger function: keeps the ids of customers whose user is deleted.';

create trigger billing_customers_remember_deleted
  after delete on private.billing_customers
  for each row
  execute function private.remember_deleted_customer();

revoke all on private.billing_customers from public, anon, authenticated, service_role;
revoke all on function private.remember_deleted_customer from public, anon, authenticated, service_role;

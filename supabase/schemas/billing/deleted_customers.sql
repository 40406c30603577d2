-- Customers whose user has deleted the account. Late events about them change nothing here, but a subscription that
-- still takes their money must be cancelled.
create table private.deleted_customers (
  provider text not null,
  customer_id text not null,
  deleted_at timestamptz not null default now(),
  constraint deleted_customers_pkey primary key (provider, customer_id)
);

comment on table private.deleted_customers is 'Customers whose user is deleted; late events about them are ignored.';

revoke all on private.deleted_customers from public, anon, authenticated, service_role;

-- PayPal's subscriptions that we created, and no others: anybody can subscribe to a plan of
-- ours by PayPal's own pages, with a price of their own and another user's id. A row is kept
-- after its checkout and after its user, because an approval may come late.
create table private.known_subscriptions (
  provider text not null,
  subscription_id text not null,
  user_id uuid not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  opened_at timestamptz not null default now(),
  closed_at timestamptz,
  constraint known_subscriptions_pkey primary key (provider, subscription_id),
  constraint known_subscriptions_provider_known check (provider = 'paypal')
);

create index known_subscriptions_user_id_idx on private.known_subscriptions (user_id);

create index known_subscriptions_price_id_idx on private.known_subscriptions (price_id);

create index known_subscriptions_open_idx on private.known_subscriptions (provider, subscription_id) where closed_at is null;

comment on table private.known_subscriptions is 'PayPal subscriptions that create-paypal-subscription made: only these are believed.';
comment on column private.known_subscriptions.user_id is 'Not a foreign key: it outlives the user, so that a late approval is known to be nobody''s.';
comment on column private.known_subscriptions.closed_at is 'When it was seen to be over.';

revoke all on private.known_subscriptions from public, anon, authenticated, service_role;

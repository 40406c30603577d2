-- The PayPal subscriptions that we created. No other one is believed: anybody can subscribe to our plans on PayPal's
-- own pages, with a price of their own and another user's id. A row outlives its checkout and its user, because an
-- approval may come late.
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

comment on table private.known_subscriptions is 'PayPal subscriptions that create-paypal-subscription created: only these are believed.';
comment on column private.known_subscriptions.user_id is 'Not a foreign key: it outlives the user, so that a late approval is recognised as one of a deleted user.';
comment on column private.known_subscriptions.closed_at is 'When a read or an event showed that it had ended.';

revoke all on private.known_subscriptions from public, anon, authenticated, service_role;

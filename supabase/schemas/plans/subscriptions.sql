-- Subscriptions: what a user pays for, as a payment provider reports it or as an operator has granted it. Only
-- billing functions write it: a user who could insert here would be premium.
create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  status text not null,
  provider text not null,
  provider_subscription_id text,
  plan_type text not null references public.plans (plan_type) on update cascade on delete restrict,
  current_period_start timestamptz,
  current_period_end timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  cancel_at timestamptz,
  grace_until timestamptz,
  ended_at timestamptz,
  livemode boolean not null default true,
  read_number bigint not null default 0,
  price_id uuid references public.prices (id) on delete restrict,
  revoked_at timestamptz,
  paid_through timestamptz,
  next_grant_at timestamptz,
  constraint subscriptions_provider_subscription_id_key unique (provider, provider_subscription_id),
  constraint subscriptions_provider_known check (provider in ('stripe', 'paypal', 'manual')),
  -- Stripe's eight, from https://docs.stripe.com/api/subscriptions/object#subscription_object-status
  constraint subscriptions_status_known check (
    status in (
      'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused'
    )
  )
);

create index subscriptions_user_id_idx on public.subscriptions (user_id);

create index subscriptions_plan_type_idx on public.subscriptions (plan_type);

create index subscriptions_price_id_idx on public.subscriptions (price_id);

-- By these two indexes a sweep finds what is due, so one with nothing to do reads nothing.
create index subscriptions_next_grant_at_idx
  on public.subscriptions (next_grant_at)
  where next_grant_at is not null;

create index subscriptions_cancel_at_idx
  on public.subscriptions (cancel_at)
  where cancel_at is not null and status in ('trialing', 'active', 'past_due');

-- billing_attention() looks for renewals that are overdue and for revoked subscriptions. Both are few.
create index subscriptions_renewal_due_idx
  on public.subscriptions (current_period_end)
  where status in ('trialing', 'active') and provider <> 'manual';

create index subscriptions_revoked_at_idx
  on public.subscriptions (revoked_at)
  where revoked_at is not null;

comment on table public.subscriptions is 'Subscriptions as the provider last reported them. Written by billing only.';
comment on column public.subscriptions.status is 'One of Stripe''s eight; PayPal''s are mapped to them.';
comment on column public.subscriptions.provider is 'stripe, paypal, or manual for one that an operator granted.';
comment on column public.subscriptions.provider_subscription_id is 'The provider''s id; null for manual ones.';
comment on column public.subscriptions.cancel_at is 'When it is scheduled to end; null when it will renew.';
comment on column public.subscriptions.grace_until is 'Until when an unpaid subscription still entitles; counted from the start of the unpaid period, so no retry moves it.';
comment on column public.subscriptions.price_id is 'The price that it pays, current or not; null for manual ones.';
comment on column public.subscriptions.revoked_at is
  'Since when it entitles to nothing, whatever the provider reports; set by revoke_subscription() or a lost dispute.';
comment on column public.subscriptions.paid_through is 'End of the last period that was paid for and not refunded in full.';
comment on column public.subscriptions.next_grant_at is 'When its next month of credits begins; null when no further month has been paid for.';
comment on column public.subscriptions.livemode is 'Whether real money moves; test mode and live mode never mix.';
comment on column public.subscriptions.read_number is 'Number of the read that wrote this row; an older read never overwrites a newer one.';

alter table public.subscriptions enable row level security;

create policy "users read their own subscriptions"
  on public.subscriptions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.subscriptions
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create trigger subscriptions_set_updated_at
  before update on public.subscriptions
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- Sets ended_at of a subscription that is over, also where an operator ends it by hand.
create function private.note_subscription_end()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  new.ended_at := now();
  return new;
end;
$$;

create trigger subscriptions_note_end
  before insert or update of status on public.subscriptions
  for each row
  when (new.status in ('canceled', 'incomplete_expired') and new.ended_at is null)
  execute function private.note_subscription_end();

revoke all on public.subscriptions from public, anon, authenticated, service_role;
grant select on public.subscriptions to authenticated;
grant select, insert, update, delete on public.subscriptions to service_role;
revoke all on function private.note_subscription_end from public, anon, authenticated, service_role;

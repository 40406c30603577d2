-- Times in which a subscription entitled to nothing although it may have been paid for. A month that starts in one
-- grants no credits, even after it has ended.
create table private.entitlement_lapses (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  cause text not null,
  lapsed_from timestamptz not null,
  lapsed_until timestamptz,
  reason text,
  constraint entitlement_lapses_pkey primary key (subscription_id, cause, lapsed_from),
  constraint entitlement_lapses_cause_known check (cause in ('status', 'revoked'))
);

comment on table private.entitlement_lapses is 'Times in which a subscription was unpaid, paused or revoked.';
comment on column private.entitlement_lapses.lapsed_until is 'Null while it lasts.';
comment on column private.entitlement_lapses.reason is 'Why an operator revoked it.';

revoke all on private.entitlement_lapses from public, anon, authenticated, service_role;

-- Moves to another price within a paid period: reported by proration lines, or seen in a read that no line explains.
create table private.plan_changes (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  changed_at timestamptz not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  constraint plan_changes_pkey primary key (subscription_id, changed_at, price_id)
);

create index plan_changes_price_id_idx on private.plan_changes (price_id);

comment on table private.plan_changes is 'Times at which a subscription moved to another price within a paid period.';

revoke all on private.plan_changes from public, anon, authenticated, service_role;

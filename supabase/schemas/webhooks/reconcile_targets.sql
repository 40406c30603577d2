-- The subscriptions that a reconciliation reads: all that run, and those that ended since a time.
create function private.reconcile_targets(provider text, since timestamptz, after_id text, page_size integer)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'customer_id', t.customer_id, 'user_id', t.user_id) order by t.id), '[]')
    from (
      select o.id, o.user_id, c.customer_id
      from (
        select s.provider_subscription_id as id, s.user_id
        from public.subscriptions as s
        where s.provider = reconcile_targets.provider
          and (s.ended_at is null or s.ended_at >= reconcile_targets.since)
        union
        select k.subscription_id, k.user_id
        from private.known_subscriptions as k
        where k.provider = reconcile_targets.provider
          and (k.closed_at is null or k.closed_at >= reconcile_targets.since)
      ) as o
      left join private.billing_customers as c
        on c.user_id = o.user_id
        and c.provider = reconcile_targets.provider
        and c.deleted_at is null
      where reconcile_targets.after_id is null
        or o.id > reconcile_targets.after_id
      order by o.id
      limit least(greatest(coalesce(reconcile_targets.page_size, 500), 1), 1000)
    ) as t
  );
end;
$$;

create function public.reconcile_targets(
  provider text,
  since timestamptz,
  after_id text default null,
  page_size integer default 500
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.reconcile_targets(provider, since, after_id, page_size);
end;

comment on function public.reconcile_targets(text, timestamptz, text, integer) is
  'Internal to billing:reconcile. A page of the subscriptions to read: [{id, customer_id, user_id}].';

revoke all on function private.reconcile_targets, public.reconcile_targets
  from public, anon, authenticated, service_role;
grant execute on function private.reconcile_targets, public.reconcile_targets to service_role;

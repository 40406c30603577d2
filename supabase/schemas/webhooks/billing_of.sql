-- What the portal, a sync and the deletion of an account need about a user's billing: {account, email, checkout,
-- customers: {provider: id}, subscriptions: [...], paypal_subscriptions: [...]}.
create function private.billing_of(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'account', private.account_document(billing_of.user_id),
    'email', (
      select u.email
      from public.users as u
      where u.id = billing_of.user_id
    ),
    'checkout', (
      select jsonb_build_object('provider', c.provider, 'session_id', c.session_id, 'attempt', c.attempt)
      from private.checkouts as c
      where c.user_id = billing_of.user_id
        and c.session_id is not null
    ),
    'customers', coalesce(
      (
        select jsonb_object_agg(c.provider, c.customer_id)
        from private.billing_customers as c
        where c.user_id = billing_of.user_id
          and c.deleted_at is null
      ),
      '{}'
    ),
    'subscriptions', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'id', s.id,
            'provider', s.provider,
            'provider_subscription_id', s.provider_subscription_id,
            'status', s.status,
            'cancel_at', s.cancel_at,
            'is_running', private.is_running(s.status) or coalesce(s.cancel_at > now(), false)
          )
          order by s.created_at desc
        )
        from public.subscriptions as s
        where s.user_id = billing_of.user_id
      ),
      '[]'
    ),
    'paypal_subscriptions', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object('id', k.subscription_id, 'opened_at', k.opened_at, 'is_over', k.closed_at is not null)
          order by k.opened_at desc
        )
        from private.known_subscriptions as k
        where k.user_id = billing_of.user_id
          and k.provider = 'paypal'
      ),
      '[]'
    )
  );
end;

create function public.billing_of(user_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_of(user_id);
end;

comment on function public.billing_of(uuid) is
  'Internal. A user''s account, and their customers and subscriptions at the providers.';

revoke all on function private.billing_of, public.billing_of from public, anon, authenticated, service_role;
grant execute on function private.billing_of, public.billing_of to service_role;

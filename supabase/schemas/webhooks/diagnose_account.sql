-- An event without its payload.
create function private.event_summary(event private.webhook_events)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
return jsonb_build_object(
  'provider', event.provider,
  'event_id', event.event_id,
  'type', event.type,
  'created', event.created,
  'status', event.status,
  'error', event.error,
  'attempts', event.attempts
);

-- Everything that decides whether a user who has paid is premium, on one page.
create function private.diagnose_account(email text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user public.users;
begin
  select u.*
  into v_user
  from public.users as u
  where lower(u.email) = lower(btrim(diagnose_account.email));

  if v_user.id is null then
    perform private.raise_error('user_not_found', 'No account has this email.');
  end if;

  return jsonb_build_object(
    'user', to_jsonb(v_user) - 'preferences',
    'plan', (private.plan_of(v_user.id)).plan_type,
    'subscriptions', coalesce(
      (
        select jsonb_agg(
          to_jsonb(s) || jsonb_build_object(
            'entitled_until', private.entitled_until(
              s.status, s.current_period_end, s.cancel_at, s.grace_until, s.paid_through, s.revoked_at
            )
          )
          order by s.created_at desc
        )
        from public.subscriptions as s
        where s.user_id = v_user.id
      ),
      '[]'
    ),
    'customers', private.billing_of(v_user.id) -> 'customers',
    'open_checkout', (
      select to_jsonb(c) - 'user_id' - 'attempt'
      from private.checkouts as c
      where c.user_id = v_user.id
    ),
    'last_events', coalesce(
      (
        select jsonb_agg(private.event_summary(e) order by e.created desc)
        from (
          select *
          from private.webhook_events as w
          where w.user_id = v_user.id
          order by w.created desc
          limit 20
        ) as e
      ),
      '[]'
    ),
    'parked_events', coalesce(
      (
        select jsonb_agg(private.event_summary(e) order by e.created desc)
        from private.webhook_events as e
        where e.status in ('parked', 'failed', 'abandoned')
          and (
            e.user_id = v_user.id
            or e.waits_for = 'user:' || v_user.id
            or e.waits_for in (
              select 'customer:' || c.customer_id
              from private.billing_customers as c
              where c.user_id = v_user.id
            )
          )
      ),
      '[]'
    ),
    'flags', coalesce(
      (
        select jsonb_agg(to_jsonb(f) - 'user_id' order by f.since desc)
        from private.billing_flags as f
        where f.user_id = v_user.id
      ),
      '[]'
    ),
    'ledger', jsonb_build_object(
      'agrees', not exists (select from private.check_ledger(v_user.id)),
      'last', (
        select coalesce(jsonb_agg(to_jsonb(t) - 'user_id' order by t.id desc), '[]')
        from (
          select *
          from public.credit_transactions as c
          where c.user_id = v_user.id
          order by c.id desc
          limit 10
        ) as t
      )
    )
  );
end;
$$;

create function public.diagnose_account(email text)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.diagnose_account(email);
end;

comment on function public.diagnose_account(text) is
  'What a support case needs: user, plan, subscriptions, customers, last and parked events, flags, ledger check.';

revoke all on function private.event_summary, private.diagnose_account, public.diagnose_account
  from public, anon, authenticated, service_role;
grant execute on function private.diagnose_account, public.diagnose_account to service_role;

-- Takes back webhooks. Destroys the record of events; a provider sends an event again only on demand.
drop trigger prices_apply_parked_events on public.prices;
drop function public.diagnose_account(text);
drop function public.reinstate_subscription(uuid);
drop function public.revoke_subscription(uuid, text);
drop function public.grant_premium(uuid, text, timestamptz);
drop function public.end_checkout(uuid, text, boolean);
drop function public.drop_checkout(uuid);
drop function public.open_checkout(uuid, text, text, timestamptz);
drop function public.begin_checkout(uuid, text, text, text, text, text, boolean);
drop function public.finish_provider_task(bigint, text);
drop function public.open_provider_tasks(integer);
drop function public.reconcile_targets(text, timestamptz, text, integer);
drop function public.billing_of(uuid);
drop function public.link_billing_customer(uuid, text, text);
drop function public.apply_read(jsonb, bigint, jsonb);
drop function public.next_read_number();
drop function public.unsettled_webhook_events(text, text);
drop function public.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text);
drop function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint);
drop function public.begin_webhook_event(text, text);
drop function private.diagnose_account(text);
drop function private.event_summary(private.webhook_events);
drop function private.finish_provider_task(bigint, text, timestamptz);
drop function private.open_provider_tasks(integer, timestamptz);
drop function private.reconcile_targets(text, timestamptz, text, integer);
drop function private.billing_of(uuid);
drop function private.link_billing_customer(uuid, text, text, timestamptz);
drop function private.apply_read(jsonb, bigint, jsonb, timestamptz);
drop function private.next_read_number();
drop function private.follow_price();
drop function private.unsettled_webhook_events(text, text, timestamptz);
drop function private.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text, timestamptz);
drop function private.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint, timestamptz);
drop function private.retry_parked(text, text[], integer, timestamptz);
drop function private.lock_billing_customer(text, text);
drop function private.effect_keys(text, jsonb, uuid);
drop function private.apply_effect(text, jsonb, bigint, timestamptz);
drop function private.lock_customer_user(text, text);
drop function private.begin_webhook_event(text, text);
drop table private.webhook_events;
revoke execute on function
  private.begin_checkout,
  private.change_revocation,
  private.drop_checkout,
  private.end_checkout,
  private.grant_premium,
  private.open_checkout
  from service_role;

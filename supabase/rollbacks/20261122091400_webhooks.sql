-- Takes back webhooks. Destroys the record of events; a provider sends an event again only on demand.
drop function public.diagnose_account(text);
drop function public.grant_premium(uuid, text, timestamptz);
drop function public.open_checkout(uuid, text, text, timestamptz);
drop function public.drop_checkout(uuid);
drop function public.end_checkout(uuid, text, boolean);
drop function public.begin_checkout(uuid, text, text, text);
drop function public.billing_of(uuid);
drop function public.link_billing_customer(uuid, text, text);
drop function public.apply_read(jsonb, bigint);
drop function public.next_read_number();
drop function public.unsettled_webhook_events(text, text);
drop function public.fail_webhook_event(text, text, text);
drop function public.settle_webhook_event(text, text, bigint, jsonb);
drop function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, boolean);
drop function private.sweep_billing();
drop function private.diagnose_account(text);
drop function private.event_summary(private.webhook_events);
drop function private.unsettled_webhook_events(text, text);
drop function private.billing_of(uuid);
drop function private.link_billing_customer(uuid, text, text);
drop function private.apply_read(jsonb, bigint);
drop function private.next_read_number();
drop function private.retry_parked(text, text);
drop function private.fail_webhook_event(text, text, text);
drop function private.settle_webhook_event(text, text, bigint, jsonb);
drop function private.apply_effect(text, jsonb, bigint);
drop function private.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, boolean);
drop table private.webhook_events;
drop function private.effect_customer(jsonb);
drop function private.lock_billing_customer(text, text);
revoke execute on function
  private.begin_checkout,
  private.drop_checkout,
  private.end_checkout,
  private.grant_premium,
  private.open_checkout
  from service_role;

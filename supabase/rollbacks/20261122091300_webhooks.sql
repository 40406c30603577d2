-- Rolls back webhooks. Destroys the record of events; a provider sends an event again only on request.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function public.unsettled_webhook_events(text, text);
drop function private.unsettled_webhook_events(text, text, timestamptz);
drop trigger prices_apply_parked_events on public.prices;
drop function private.follow_price();
drop function private.retry_parked(text, text[], integer, timestamptz);
drop function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint);
drop function private.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint, timestamptz);
drop function public.reconcile_targets(text, timestamptz, text, integer);
drop function private.reconcile_targets(text, timestamptz, text, integer);
drop function public.return_paypal_ask();
drop function public.take_paypal_ask();
drop function private.return_paypal_ask();
drop function private.take_paypal_ask();
drop function public.open_provider_tasks(integer);
drop function private.open_provider_tasks(integer, timestamptz);
drop function private.lock_billing_customer(text, text);
drop function private.lock_customer_user(text, text);
drop function public.link_billing_customer(uuid, text, text);
drop function private.link_billing_customer(uuid, text, text, timestamptz);
drop function public.finish_provider_task(bigint, text);
drop function private.finish_provider_task(bigint, text, timestamptz);
drop function public.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text);
drop function private.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text, timestamptz);
drop function private.effect_keys(text, jsonb, uuid);
drop function public.diagnose_account(text);
drop function private.diagnose_account(text);
drop function private.event_summary(private.webhook_events);
drop function public.billing_of(uuid);
drop function private.billing_of(uuid);
drop function public.begin_webhook_event(text, text);
drop function private.begin_webhook_event(text, text);
drop function public.apply_read(jsonb, bigint, jsonb);
drop function private.apply_read(jsonb, bigint, jsonb, timestamptz);
drop function private.apply_effect(text, jsonb, bigint, timestamptz);
drop table private.webhook_events;

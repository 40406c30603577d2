-- Billing: checkouts, webhook events, and the sweep.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@events.test'
from unnest(array['shopper', 'payer', 'late', 'gone', 'sweep', 'second', 'bad', 'held', 'broken', 'buyer', 'trial', 'support']) as who;

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
values
  ('stripe', 'price_month', 'premium_monthly', 'xts', 900, 'month'),
  ('stripe', 'price_year', 'premium_yearly', 'xts', 9000, 'year'),
  ('stripe', 'price_month_xxx', 'premium_monthly', 'xxx', 800, 'month'),
  ('paypal', 'P-MONTH', 'premium_monthly', 'xts', 900, 'month');
insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount)
values ('stripe', 'price_pack', 'credits_100', 'xts', 500);

create function pg_temp.begin(who text, fingerprint text, changes jsonb default '{}', provider text default 'stripe') returns jsonb language sql as $$
  select private.begin_checkout(
    md5(who)::uuid, provider, fingerprint, c ->> 'plan_type', c ->> 'pack_type', c ->> 'currency', coalesce((c ->> 'ignore_coupon')::boolean, false), now()
  )
  from (select '{"plan_type": "premium_monthly", "currency": "xts"}'::jsonb || changes as c) as x
$$;

-- --------------------------------------------------------------------- checkout

insert into public.coupons (id, code, discount_percent)
values (md5('older')::uuid, 'BILLING-OLD', 10), (md5('newer')::uuid, 'BILLING-NEW', 20);
insert into public.user_coupons (id, user_id, coupon_id, used_at)
values
  (md5('newer')::uuid, md5('shopper')::uuid, md5('newer')::uuid, now()),
  (md5('older')::uuid, md5('shopper')::uuid, md5('older')::uuid, now() - interval '1 day');

create temporary table begun as select pg_temp.begin('shopper', 'f1') as c;

select is((select c -> 'price' ->> 'provider_price_id' from begun), 'price_month', 'a checkout gets the current price');
select is((select c -> 'coupon' ->> 'code' from begun), 'BILLING-OLD', 'a checkout gets the oldest redeemed coupon');
select is(pg_temp.begin('shopper', 'f1') ->> 'attempt', (select c ->> 'attempt' from begun), 'beginning the same checkout again returns the same attempt');
select is(
  public.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_1', 'https://checkout.test/1', now() + interval '1 day'), true,
  'the session of a checkout is stored'
);
select is((select checkout_session_id from public.user_coupons where id = md5('older')::uuid), 'cs_1', 'the session of a checkout reserves the coupon');
select is(pg_temp.begin('shopper', 'f1') ->> 'url', 'https://checkout.test/1', 'beginning the same checkout again returns the session''s URL');
select is(
  pg_temp.begin('shopper', 'f2', '{"plan_type": "premium_yearly"}'), '{"expire_session": "cs_1", "provider": "stripe"}'::jsonb,
  'beginning another checkout first asks to expire the open session'
);
select is(
  pg_temp.begin('shopper', 'f1', '{"currency": "xxx"}'), '{"expire_session": "cs_1", "provider": "stripe"}'::jsonb, 'beginning a checkout in another currency first asks to expire the open session'
);
select public.end_checkout(md5('shopper')::uuid, 'cs_1', false);

create temporary table begun_again as select pg_temp.begin('shopper', 'f2', '{"plan_type": "premium_yearly"}') as c;

select is((select c -> 'coupon' ->> 'code' from begun_again), 'BILLING-OLD', 'after a session has ended without a purchase its coupon can be used again');
select is(
  public.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_late', 'x', now() + interval '1 day'), false,
  'the session of an older attempt is refused'
);
select public.open_checkout((select (c ->> 'attempt')::uuid from begun_again), 'cs_2', 'https://checkout.test/2', now() + interval '1 day');
select public.end_checkout(md5('shopper')::uuid, 'cs_1', true);
select is(
  (select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'a completed session does not spend a coupon that it has not reserved'
);
select public.end_checkout(md5('shopper')::uuid, 'cs_2', true);
select isnt((select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'a completed session spends the coupon that it has reserved');
select is_empty($$select from private.checkouts where user_id = md5('shopper')::uuid$$, 'a completed session closes the checkout');

select throws_ok($$select pg_temp.begin('shopper', 'f', '{}', 'paypal')$$, 'PT422', null, 'a PayPal checkout is refused if a redeemed coupon would be lost');
select is(
  pg_temp.begin('shopper', 'f', '{"ignore_coupon": true}', 'paypal') -> 'price' ->> 'provider_price_id', 'P-MONTH', 'a PayPal checkout with ignore_coupon is accepted'
);
select throws_ok($$select pg_temp.begin('shopper', 'f', '{"plan_type": "free"}')$$, 'PT422', null, 'a checkout for a plan that is not sold is refused');
select throws_ok($$select pg_temp.begin('shopper', 'f', '{"currency": "zzz"}')$$, 'PT404', null, 'a checkout in a currency without a price is refused');
select throws_ok($$select pg_temp.begin('nobody', 'f')$$, 'PT403', null, 'a checkout of a user without an account is refused');
select throws_ok($$select pg_temp.begin('buyer', 'f', '{"pack_type": "credits_100"}')$$, 'PT422', null, 'a checkout for a plan and a pack is refused');
select is(
  pg_temp.begin('buyer', 'f', '{"plan_type": null, "pack_type": "credits_100"}') -> 'price' ->> 'provider_price_id', 'price_pack', 'a pack can be bought'
);

update public.plans set trial_days = 14 where plan_type = 'premium_monthly';
select is(pg_temp.begin('trial', 'f') -> 'trial_days', '14', 'a checkout for a plan with a trial gets its days');
select private.remember_use('trial', md5('trial')::uuid);
select is(pg_temp.begin('trial', 'f') -> 'trial_days', '0', 'a person who has had a trial gets none again');
update public.plans set trial_days = 0 where plan_type = 'premium_monthly';

-- ----------------------------------------------------------------- webhook events

create function pg_temp.snapshot(who text, changes jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object(
    'provider', 'stripe', 'id', 'sub_' || who, 'customer_id', 'cus_' || who, 'user_id', md5(who)::uuid, 'livemode', false, 'status', 'active',
    'items', jsonb_build_array(jsonb_build_object('price_id', 'price_month', 'start', now(), 'end', now() + interval '1 month')),
    'payments', jsonb_build_array(jsonb_build_object(
      'id', 'in_' || who, 'paid_at', now(), 'currency', 'xts', 'amount', 900,
      'lines', jsonb_build_array(jsonb_build_object('price_id', 'price_month', 'from', now(), 'through', now() + interval '1 month', 'proration', false))
    ))
  ) || changes
$$;

create function pg_temp.record(event_id text, effect jsonb, as_of timestamptz default now()) returns jsonb language sql as $$
  select private.record_webhook_event(
    'stripe', event_id, 'customer.subscription.updated', as_of, false, '{}', effect, nextval('private.read_numbers'), as_of
  )
$$;

create function pg_temp.credits(who text) returns integer language sql as $$ select credits from public.users where id = md5(who)::uuid $$;
create function pg_temp.status(event text) returns text language sql as $$ select status from private.webhook_events where event_id = event $$;

select is(public.begin_webhook_event('stripe', 'evt_1') ->> 'status', 'received', 'beginning an event returns a read number');
select is_empty($$select from private.webhook_events where event_id = 'evt_1'$$, 'beginning an event writes no row');
select is(
  pg_temp.record('evt_1', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('payer'))) ->> 'status', 'processed',
  'an event is recorded, applied and settled in one call'
);
select is(pg_temp.credits('payer'), 105, 'an event has its effect');
select is(public.begin_webhook_event('stripe', 'evt_1'), '{"status": "duplicate"}'::jsonb, 'a second delivery of a settled event is a duplicate');
select is(
  pg_temp.record('evt_1', '{"kind": "ignored", "reason": "None."}') ->> 'status', 'duplicate', 'recording a settled event again is a duplicate'
);
select throws_ok($$select pg_temp.begin('payer', 'f')$$, 'PT409', null, 'a subscriber cannot begin another checkout for a plan');
select is(
  pg_temp.begin('payer', 'f', '{"plan_type": null, "pack_type": "credits_100"}') ->> 'session_id', null, 'a subscriber can begin a checkout for a pack'
);

select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{"id": "evt_2"}', 'The provider did not answer.');
select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{"id": "evt_2"}', 'Nor now.');
select results_eq(
  $$select status, attempts, error from private.webhook_events where event_id = 'evt_2'$$, $$values ('failed', 2, 'Nor now.')$$, 'a failed event is recorded with its attempts'
);
select is(public.begin_webhook_event('stripe', 'evt_2') ->> 'status', 'received', 'a failed event is received again with its next delivery');
select is(public.unsettled_webhook_events() -> 0 -> 'payload', '{"id": "evt_2"}'::jsonb, 'a failed event is listed for a replay');
select pg_temp.record('evt_2', '{"kind": "ignored", "reason": "None."}');
select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{}', 'Late.');
select is(pg_temp.status('evt_2'), 'ignored', 'a settled event does not become failed');

-- Parked because the customer is not linked.
select pg_temp.record('evt_link', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('late', '{"user_id": null}')));
select is(pg_temp.status('evt_link'), 'parked', 'an event of a customer without a user is parked');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_late'), 'cus_late', 'a customer can be linked to a user');
select is(pg_temp.status('evt_link'), 'processed', 'linking the customer settles the parked event');
select is(pg_temp.credits('late'), 105, 'the event that was parked has its effect');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_other'), 'cus_late', 'linking a second customer returns the first');

-- Parked because the provider does not have the object yet.
select pg_temp.record('evt_object', '{"kind": "parked", "reason": "Stripe has no subscription sub_x.", "waits_for": "object:sub_x"}', now() - interval '1 hour');
select ok(
  public.unsettled_webhook_events() @> '[{"event_id": "evt_object"}]', 'an event whose object the provider did not have yet is listed for a replay'
);

-- A checkout whose event arrives before the function has stored its session.
create temporary table fast as select pg_temp.begin('buyer', 'fast', '{"plan_type": null, "pack_type": "credits_100"}') as c;
select pg_temp.record('evt_pack', jsonb_build_object(
  'kind', 'checkout', 'session_id', 'cs_fast', 'attempt', (select c ->> 'attempt' from fast), 'customer_id', 'cus_buyer', 'user_id', md5('buyer')::uuid,
  'completed', true, 'snapshot', null, 'purchase', jsonb_build_object(
    'provider', 'stripe', 'session_id', 'cs_fast', 'customer_id', 'cus_buyer', 'user_id', md5('buyer')::uuid, 'livemode', false, 'status', 'paid',
    'items', '[{"price_id": "price_pack", "quantity": 2}]'::jsonb,
    'payment', jsonb_build_object('id', 'pi_fast', 'paid_at', now(), 'currency', 'xts', 'amount', 1000, 'lines', '[]'::jsonb)
  )
));
select is(pg_temp.credits('buyer'), 205, 'a checkout of a pack grants its credits at completion');
select is_empty($$select from private.checkouts where user_id = md5('buyer')::uuid$$, 'the event of a completed checkout closes it');

select pg_temp.record('evt_customer', '{"kind": "customer_deleted", "customer_id": "cus_late"}');
select isnt((select deleted_at from private.billing_customers where customer_id = 'cus_late'), null, 'a customer that was deleted at the provider is marked');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_new'), 'cus_new', 'after that the user can be linked to a new customer');
select is(
  pg_temp.record('evt_stranger', '{"kind": "customer_deleted", "customer_id": "cus_stranger"}') ->> 'status', 'ignored', 'the deletion of an unknown customer is ignored'
);
select is(pg_temp.record('evt_odd', '{"kind": "unheard"}') ->> 'status', 'parked', 'an unknown kind of effect is parked');

-- A read without an event.
select is(
  public.apply_read(jsonb_build_array(pg_temp.snapshot('second'), pg_temp.snapshot('second', '{"id": "sub_second_2", "items": [{"price_id": "price_odd"}]}')), 2000000000000000)
    -> 'results',
  '[{"subscription": "sub_second", "outcome": "processed", "reason": null}, {"subscription": "sub_second_2", "outcome": "parked", "reason": "No plan has the price price_odd."}]'::jsonb,
  'a read returns the outcome of each subscription'
);
select ok(
  public.reconcile_targets('stripe', now() - interval '40 days') @> jsonb_build_array(jsonb_build_object('id', 'sub_second', 'customer_id', 'cus_second')),
  'a reconciliation gets the subscriptions to read'
);

-- ---------------------------------------------------------------------- the sweep

select is(
  (select array_agg(k order by k) from jsonb_object_keys(public.sweep()) as k),
  array['abandoned', 'deleted', 'ended', 'failures', 'ledger_disagreements', 'months_granted', 'retried', 'unlinked'], 'a sweep returns what it has done'
);

select private.apply_subscription(
  pg_temp.snapshot('sweep', jsonb_build_object(
    'items', jsonb_build_array(jsonb_build_object('price_id', 'price_year', 'start', now(), 'end', now() + interval '1 year')),
    'payments', jsonb_build_array(jsonb_build_object(
      'id', 'in_sweep', 'paid_at', now(), 'currency', 'xts', 'amount', 9000,
      'lines', jsonb_build_array(jsonb_build_object('price_id', 'price_year', 'from', now(), 'through', now() + interval '1 year', 'proration', false))
    )),
    'cancel_at', now() + interval '3 months'
  )), nextval('private.read_numbers'), now()
);
select is(private.sweep(now()) -> 'months_granted', '0', 'with nothing due it grants nothing');
select is(private.sweep(now() + interval '32 days') -> 'months_granted', '1', 'a month that has begun is granted');
select is(private.sweep(now() + interval '32 days') -> 'months_granted', '0', 'once');
select is(pg_temp.credits('sweep'), 205, 'with its credits');
select is(private.sweep(now() + interval '100 days') -> 'ended', '1', 'a scheduled end that has passed is an end');
select results_eq(
  $$select status, ended_at = cancel_at from public.subscriptions where provider_subscription_id = 'sub_sweep'$$, $$values ('canceled', true)$$,
  'at the time that was scheduled'
);
select is(pg_temp.credits('sweep'), 305, 'and what began before it was granted');

-- A subscription that cannot be settled.
create function pg_temp.due(who text) returns void language sql as $$
  select private.apply_subscription(
    pg_temp.snapshot(who, jsonb_build_object('payments', jsonb_build_array(jsonb_build_object(
      'id', 'in_' || who, 'paid_at', now(), 'currency', 'xts', 'amount', 9000,
      'lines', jsonb_build_array(jsonb_build_object('price_id', 'price_year', 'from', now(), 'through', now() + interval '1 year', 'proration', false))
    )))), nextval('private.read_numbers'), now()
  )
$$;
select pg_temp.due('bad');
select pg_temp.due('held');
create function pg_temp.break() returns trigger language plpgsql as $$
begin
  raise exception 'This account is broken.';
end;
$$;
do $$
begin
  execute format(
    'create trigger break before update of credits on public.users for each row when (new.id = %L) execute function pg_temp.break()', md5('bad')::uuid
  );
end;
$$;
create temporary table swept as select private.sweep(now() + interval '32 days') as s;
select is((select s -> 'failures' from swept), '1', 'the sweep counts a subscription that it cannot settle');
select is(pg_temp.credits('held'), 205, 'a subscription that the sweep cannot settle does not affect others');
select is(
  (select reason from private.billing_flags where kind = 'sweep_failure' and user_id = md5('bad')::uuid),
  'The sweep cannot settle this subscription: This account is broken. (P0001).', 'a subscription that the sweep cannot settle is flagged with the reason'
);
select is(private.sweep(now() + interval '32 days') -> 'failures', '0', 'a subscription that the sweep cannot settle is not tried again at once');
drop trigger break on public.users;
select is(private.sweep(now() + interval '32 days 2 hours') -> 'months_granted', '1', 'a subscription that the sweep could not settle is tried again later');
select is(pg_temp.credits('bad'), 205, 'a subscription that is settled later gets all its credits');

-- Old events.
select pg_temp.record('evt_old', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('nobody', '{"user_id": null}')), now() - interval '31 days');
update private.webhook_events set settled_at = now() - interval '91 days' where event_id = 'evt_1';
insert into private.webhook_events (provider, event_id, type, created, livemode, payload, status, settled_at)
values ('stripe', 'evt_89', 'invoice.paid', now(), false, '{}', 'processed', now() - interval '89 days');
create temporary table swept_events as select private.sweep(now()) as s;
select is(pg_temp.status('evt_old'), 'abandoned', 'a parked event is abandoned after thirty days');
select is_empty($$select from private.webhook_events where event_id = 'evt_1'$$, 'a settled event is deleted after ninety days');
select is(pg_temp.status('evt_89'), 'processed', 'a settled event is kept for ninety days');

update private.webhook_events set effect = jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('support', '{"user_id": null}')), status = 'parked',
  waits_for = 'customer:cus_support', retry_at = now(), received_at = now(), settled_at = null
where event_id = 'evt_old';
insert into private.billing_customers (provider, customer_id, user_id) values ('stripe', 'cus_support', md5('support')::uuid);
select is(private.sweep(now()) -> 'retried', '1', 'the sweep tries a parked event again when it is due');
select is(pg_temp.credits('support'), 105, 'a parked event that the sweep settles has its effect');

-- A balance that was changed without the ledger. The constraint that refuses this is deferred to the end of the transaction.
update public.users set credits = credits + 1 where id = md5('broken')::uuid;
-- Each sweep checks some of the accounts; this makes the next one begin just before this account.
update private.sweep_state
set user_id = coalesce((select max(u.id::text)::uuid from public.users as u where u.id < md5('broken')::uuid), '00000000-0000-0000-0000-000000000000');
create temporary table swept_ledger as select private.sweep(now()) as s;
select is(
  (select s -> 'ledger_disagreements' from swept_ledger),
  jsonb_build_array(jsonb_build_object('account_id', md5('broken')::uuid, 'credits', 6, 'ledger_balance', 5)), 'the sweep reports a ledger that does not add up'
);
select is((select count(*) from private.billing_flags where kind = 'ledger_disagreement'), 1::bigint, 'a ledger that does not add up is flagged');

-- An account whose credits have changed, far from the accounts that the sweep checks next.
update private.billing_flags set resolved_at = now() where kind = 'ledger_disagreement';
update private.sweep_state set user_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
select private.move_credits(md5('broken')::uuid, 'grant', 1, 'A gift', 'gift-of-one', now());
select is(jsonb_array_length(private.sweep(now()) -> 'ledger_disagreements'), 1, 'the sweep checks every account whose credits have changed');

select * from finish();

rollback;

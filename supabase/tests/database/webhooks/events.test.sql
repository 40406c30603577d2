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

select is((select c -> 'price' ->> 'provider_price_id' from begun), 'price_month', 'a checkout knows its price');
select is((select c -> 'coupon' ->> 'code' from begun), 'BILLING-OLD', 'and takes the oldest coupon');
select is(pg_temp.begin('shopper', 'f1') ->> 'attempt', (select c ->> 'attempt' from begun), 'the same asked again is the same attempt');
select is(
  public.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_1', 'https://checkout.test/1', now() + interval '1 day'), true,
  'its session is noted'
);
select is((select checkout_session_id from public.user_coupons where id = md5('older')::uuid), 'cs_1', 'and reserves the coupon');
select is(pg_temp.begin('shopper', 'f1') ->> 'url', 'https://checkout.test/1', 'asking again gives its url');
select is(
  pg_temp.begin('shopper', 'f2', '{"plan_type": "premium_yearly"}'), '{"expire_session": "cs_1", "provider": "stripe"}'::jsonb,
  'asking for something else closes the old one first'
);
select is(
  pg_temp.begin('shopper', 'f1', '{"currency": "xxx"}'), '{"expire_session": "cs_1", "provider": "stripe"}'::jsonb, 'so does another currency'
);
select public.end_checkout(md5('shopper')::uuid, 'cs_1', false);

create temporary table begun_again as select pg_temp.begin('shopper', 'f2', '{"plan_type": "premium_yearly"}') as c;

select is((select c -> 'coupon' ->> 'code' from begun_again), 'BILLING-OLD', 'and then its coupon is free again');
select is(
  public.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_late', 'x', now() + interval '1 day'), false,
  'a session of the old attempt is not accepted'
);
select public.open_checkout((select (c ->> 'attempt')::uuid from begun_again), 'cs_2', 'https://checkout.test/2', now() + interval '1 day');
select public.end_checkout(md5('shopper')::uuid, 'cs_1', true);
select is(
  (select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'a session that did not reserve a coupon does not spend it'
);
select public.end_checkout(md5('shopper')::uuid, 'cs_2', true);
select isnt((select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'the one that did spends it');
select is_empty($$select from private.checkouts where user_id = md5('shopper')::uuid$$, 'and the checkout is closed');

select throws_ok($$select pg_temp.begin('shopper', 'f', '{}', 'paypal')$$, 'PT422', null, 'PayPal refuses to lose a coupon silently');
select is(
  pg_temp.begin('shopper', 'f', '{"ignore_coupon": true}', 'paypal') -> 'price' ->> 'provider_price_id', 'P-MONTH', 'unless that is confirmed'
);
select throws_ok($$select pg_temp.begin('shopper', 'f', '{"plan_type": "free"}')$$, 'PT422', null, 'a plan that is not sold cannot be bought');
select throws_ok($$select pg_temp.begin('shopper', 'f', '{"currency": "zzz"}')$$, 'PT404', null, 'nor one without a price in the currency');
select throws_ok($$select pg_temp.begin('nobody', 'f')$$, 'PT403', null, 'who has no account cannot buy');
select throws_ok($$select pg_temp.begin('buyer', 'f', '{"pack_type": "credits_100"}')$$, 'PT422', null, 'a checkout is for a plan or a pack, not both');
select is(
  pg_temp.begin('buyer', 'f', '{"plan_type": null, "pack_type": "credits_100"}') -> 'price' ->> 'provider_price_id', 'price_pack', 'a pack can be bought'
);

update public.plans set trial_days = 14 where plan_type = 'premium_monthly';
select is(pg_temp.begin('trial', 'f') -> 'trial_days', '14', 'a plan with a trial begins with it');
select private.remember_use('trial', md5('trial')::uuid);
select is(pg_temp.begin('trial', 'f') -> 'trial_days', '0', 'once for a person');
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

select is(public.begin_webhook_event('stripe', 'evt_1') ->> 'status', 'received', 'an event draws a number');
select is_empty($$select from private.webhook_events where event_id = 'evt_1'$$, 'in a step that writes no row');
select is(
  pg_temp.record('evt_1', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('payer'))) ->> 'status', 'processed',
  'then it is recorded, applied and settled at once'
);
select is(pg_temp.credits('payer'), 105, 'with its effect');
select is(public.begin_webhook_event('stripe', 'evt_1'), '{"status": "duplicate"}'::jsonb, 'a second delivery is a duplicate');
select is(
  pg_temp.record('evt_1', '{"kind": "ignored", "reason": "None."}') ->> 'status', 'duplicate', 'two that were under way at once settle once'
);
select throws_ok($$select pg_temp.begin('payer', 'f')$$, 'PT409', null, 'who is subscribed cannot subscribe again');
select is(
  pg_temp.begin('payer', 'f', '{"plan_type": null, "pack_type": "credits_100"}') ->> 'session_id', null, 'and can buy a pack'
);

select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{"id": "evt_2"}', 'The provider did not answer.');
select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{"id": "evt_2"}', 'Nor now.');
select results_eq(
  $$select status, attempts, error from private.webhook_events where event_id = 'evt_2'$$, $$values ('failed', 2, 'Nor now.')$$, 'a failure is kept, and counted'
);
select is(public.begin_webhook_event('stripe', 'evt_2') ->> 'status', 'received', 'and tried again with the next delivery');
select is(public.unsettled_webhook_events() -> 0 -> 'payload', '{"id": "evt_2"}'::jsonb, 'or by a replay');
select pg_temp.record('evt_2', '{"kind": "ignored", "reason": "None."}');
select public.fail_webhook_event('stripe', 'evt_2', 'invoice.paid', now(), false, '{}', 'Late.');
select is(pg_temp.status('evt_2'), 'ignored', 'what was settled never becomes failed');

-- Parked for want of a link.
select pg_temp.record('evt_link', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('late', '{"user_id": null}')));
select is(pg_temp.status('evt_link'), 'parked', 'an event of a customer that nobody has is parked');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_late'), 'cus_late', 'a link that appears');
select is(pg_temp.status('evt_link'), 'processed', 'settles it');
select is(pg_temp.credits('late'), 105, 'with its effect');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_other'), 'cus_late', 'a user has one customer');

-- Parked because the provider does not know the object yet.
select pg_temp.record('evt_object', '{"kind": "parked", "reason": "Stripe has no subscription sub_x.", "waits_for": "object:sub_x"}', now() - interval '1 hour');
select ok(
  public.unsettled_webhook_events() @> '[{"event_id": "evt_object"}]', 'what the provider did not know yet is tried again by a read'
);

-- A checkout, heard of before the function could note its session.
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
select is_empty($$select from private.checkouts where user_id = md5('buyer')::uuid$$, 'and closes the checkout');

select pg_temp.record('evt_customer', '{"kind": "customer_deleted", "customer_id": "cus_late"}');
select isnt((select deleted_at from private.billing_customers where customer_id = 'cus_late'), null, 'a customer that was deleted at the provider');
select is(public.link_billing_customer(md5('late')::uuid, 'stripe', 'cus_new'), 'cus_new', 'makes room for another');
select is(
  pg_temp.record('evt_stranger', '{"kind": "customer_deleted", "customer_id": "cus_stranger"}') ->> 'status', 'ignored', 'a stranger''s is ignored'
);
select is(pg_temp.record('evt_odd', '{"kind": "unheard"}') ->> 'status', 'parked', 'an effect that nobody knows is parked for a person');

-- A read without an event.
select is(
  public.apply_read(jsonb_build_array(pg_temp.snapshot('second'), pg_temp.snapshot('second', '{"id": "sub_second_2", "items": [{"price_id": "price_odd"}]}')), 2000000000000000)
    -> 'results',
  '[{"subscription": "sub_second", "outcome": "processed", "reason": null}, {"subscription": "sub_second_2", "outcome": "parked", "reason": "No plan has the price price_odd."}]'::jsonb,
  'a read tells what became of each subscription'
);
select ok(
  public.reconcile_targets('stripe', now() - interval '40 days') @> jsonb_build_array(jsonb_build_object('id', 'sub_second', 'customer_id', 'cus_second')),
  'a reconciliation is told what to read'
);

-- ---------------------------------------------------------------------- the sweep

select is(
  (select array_agg(k order by k) from jsonb_object_keys(public.sweep()) as k),
  array['abandoned', 'deleted', 'ended', 'failures', 'ledger_disagreements', 'months_granted', 'retried', 'unlinked'], 'a sweep answers what it did'
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

-- One bad row.
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
select is((select s -> 'failures' from swept), '1', 'a row that breaks is counted');
select is(pg_temp.credits('held'), 205, 'and does not stop the others');
select is(
  (select reason from private.billing_flags where kind = 'sweep_failure' and user_id = md5('bad')::uuid),
  'The sweep cannot settle this subscription: This account is broken. (P0001).', 'and flagged with its reason'
);
select is(private.sweep(now() + interval '32 days') -> 'failures', '0', 'it is not tried again at once');
drop trigger break on public.users;
select is(private.sweep(now() + interval '32 days 2 hours') -> 'months_granted', '1', 'but later, when it may work again');
select is(pg_temp.credits('bad'), 205, 'and nothing is lost');

-- Events that time is through with.
select pg_temp.record('evt_old', jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('nobody', '{"user_id": null}')), now() - interval '31 days');
update private.webhook_events set settled_at = now() - interval '91 days' where event_id = 'evt_1';
insert into private.webhook_events (provider, event_id, type, created, livemode, payload, status, settled_at)
values ('stripe', 'evt_89', 'invoice.paid', now(), false, '{}', 'processed', now() - interval '89 days');
create temporary table swept_events as select private.sweep(now()) as s;
select is(pg_temp.status('evt_old'), 'abandoned', 'after thirty days a parked event is given up');
select is_empty($$select from private.webhook_events where event_id = 'evt_1'$$, 'after ninety days what is settled is forgotten');
select is(pg_temp.status('evt_89'), 'processed', 'and no earlier');

update private.webhook_events set effect = jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('support', '{"user_id": null}')), status = 'parked',
  waits_for = 'customer:cus_support', retry_at = now(), received_at = now(), settled_at = null
where event_id = 'evt_old';
insert into private.billing_customers (provider, customer_id, user_id) values ('stripe', 'cus_support', md5('support')::uuid);
select is(private.sweep(now()) -> 'retried', '1', 'the sweep tries parked events again when their time has come');
select is(pg_temp.credits('support'), 105, 'with their effect');

-- The ledger, where somebody has gone around it. What would refuse that waits for the end of the transaction.
update public.users set credits = credits + 1 where id = md5('broken')::uuid;
-- Each sweep adds up a slice of all accounts: the next one begins just before this one.
update private.sweep_state
set user_id = coalesce((select max(u.id::text)::uuid from public.users as u where u.id < md5('broken')::uuid), '00000000-0000-0000-0000-000000000000');
create temporary table swept_ledger as select private.sweep(now()) as s;
select is(
  (select s -> 'ledger_disagreements' from swept_ledger),
  jsonb_build_array(jsonb_build_object('account_id', md5('broken')::uuid, 'credits', 6, 'ledger_balance', 5)), 'a ledger that disagrees is told'
);
select is((select count(*) from private.billing_flags where kind = 'ledger_disagreement'), 1::bigint, 'and flagged');

-- An account that moved, far from the slice.
update private.billing_flags set resolved_at = now() where kind = 'ledger_disagreement';
update private.sweep_state set user_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
select private.move_credits(md5('broken')::uuid, 'grant', 1, 'A gift', 'gift-of-one', now());
select is(jsonb_array_length(private.sweep(now()) -> 'ledger_disagreements'), 1, 'an account that moved is looked at, wherever the slice is');

select * from finish();

rollback;

-- Billing: what a read of a provider does to a subscription, to premium and to credits.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@billing.test'
from unnest(array['payer', 'other', 'months', 'yearly', 'late', 'shopper', 'gone', 'manual']) as who;

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
values
  ('stripe', 'price_month', 'premium_monthly', 'usd', 900, 'month'),
  ('stripe', 'price_year', 'premium_yearly', 'usd', 9000, 'year'),
  ('paypal', 'P-MONTH', 'premium_monthly', 'usd', 900, 'month');

-- A snapshot as the functions make them, with what a case changes.
create function pg_temp.snapshot(who text, changes jsonb default '{}')
returns jsonb
language sql
as $$
  select jsonb_build_object(
    'provider', 'stripe', 'id', 'sub_' || who, 'customer_id', 'cus_' || who, 'livemode', false, 'status', 'active',
    'price_ids', '["price_month"]'::jsonb, 'period_start', now(), 'period_end', now() + interval '1 month',
    'cancel_at', null, 'ended_at', null, 'paid', true, 'user_id', md5(who)::uuid
  ) || changes
$$;

create function pg_temp.premium_for(who text)
returns interval
language sql
as $$
  select u.premium_until - now() from public.users as u where u.id = md5(who)::uuid
$$;

create function pg_temp.credits(who text)
returns integer
language sql
as $$
  select u.credits from public.users as u where u.id = md5(who)::uuid
$$;

-- ------------------------------------------------------------------ whose it is

select is(
  private.apply_subscription(pg_temp.snapshot('payer'), 10) ->> 'outcome', 'processed', 'metadata that we wrote makes the missing link'
);
select is(
  (select user_id from private.billing_customers where customer_id = 'cus_payer'), md5('payer')::uuid, 'and the link is kept'
);
select is(
  private.apply_subscription(pg_temp.snapshot('payer', '{"user_id": null}'), 11) ->> 'outcome', 'processed',
  'a linked customer needs no metadata'
);
select is(
  private.apply_subscription(pg_temp.snapshot('payer', jsonb_build_object('user_id', md5('other')::uuid)), 12),
  '{"outcome": "parked", "reason": "The metadata names another user than the one this customer is linked to."}'::jsonb,
  'a contradiction parks'
);
select is(
  private.apply_subscription(pg_temp.snapshot('unheard', '{"user_id": null}'), 12) ->> 'reason', 'No user is linked to this customer.',
  'an unknown customer parks'
);
select is(
  private.apply_subscription(pg_temp.snapshot('unheard'), 12) ->> 'reason', 'The metadata names a user who has no account.', 'so does an unknown user'
);
select is(
  private.apply_subscription(pg_temp.snapshot('payer', '{"customer_id": "cus_second"}'), 12) ->> 'reason',
  'The metadata names a user who has another customer.', 'a second customer is not linked by metadata'
);
select is(
  private.apply_subscription(pg_temp.snapshot('payer', '{"price_ids": ["price_unheard"]}'), 12),
  jsonb_build_object('outcome', 'parked', 'reason', 'No plan has the price price_unheard.', 'user_id', md5('payer')::uuid),
  'an unknown price parks and says which'
);

-- -------------------------------------------------------------------- by number

select is((select read_number from public.subscriptions where provider_subscription_id = 'sub_payer'), 11::bigint, 'the last read counts');
select is(
  private.apply_subscription(pg_temp.snapshot('payer', '{"status": "canceled"}'), 11) ->> 'outcome', 'processed',
  'a read of the same number is processed'
);
select is(
  (select status from public.subscriptions where provider_subscription_id = 'sub_payer'), 'active', 'and an equal or lower one changes nothing'
);

-- ------------------------------------------------------------------ entitlement

create temporary table states (id integer generated always as identity, changes jsonb, premium interval, rule text);

insert into states (changes, premium, rule)
values
  ('{}', interval '1 month 3 days', 'active: three days beyond the period'),
  ('{"status": "trialing", "paid": false}', interval '1 month 3 days', 'trialing: the same'),
  (jsonb_build_object('cancel_at', now() + interval '1 month'), interval '1 month', 'scheduled: exactly the end'),
  (jsonb_build_object('cancel_at', now() + interval '10 days'), interval '10 days', 'scheduled within the period: exactly that'),
  ('{"status": "past_due"}', interval '7 days', 'past due: seven days from the start of the unpaid period'),
  (jsonb_build_object('status', 'past_due', 'period_start', now() - interval '8 days'), interval '-1 day', 'past due: whenever it is heard of'),
  ('{"status": "unpaid"}', null, 'unpaid: none'),
  ('{"status": "paused"}', null, 'paused: none'),
  ('{"status": "incomplete"}', null, 'incomplete: none'),
  ('{"status": "incomplete_expired"}', null, 'incomplete_expired: none'),
  (jsonb_build_object('status', 'canceled', 'ended_at', now()), null, 'canceled: none');

create function pg_temp.premium_after(changes jsonb, read_number bigint)
returns interval
language plpgsql
as $$
declare
  v_base timestamptz := now();
begin
  perform private.apply_subscription(pg_temp.snapshot('payer', changes), read_number);
  return (
    select u.premium_until - v_base from public.users as u where u.id = md5('payer')::uuid
  );
end;
$$;

select ok(
  now() + pg_temp.premium_after(s.changes, 100 + s.id) is not distinct from now() + s.premium,
  s.rule
)
from states as s
order by s.id;

select is((select is_premium from public.users where id = md5('payer')::uuid), false, 'is_premium follows');

select private.apply_subscription(pg_temp.snapshot('payer'), 200);
select private.apply_subscription(
  pg_temp.snapshot('payer', jsonb_build_object('id', 'sub_payer_2', 'period_end', now() + interval '10 days')), 201
);
select ok(
  now() + pg_temp.premium_for('payer') = now() + interval '1 month 3 days', 'of two subscriptions the latest end counts'
);

-- ------------------------------------------------------------------- the months

select private.apply_subscription(
  pg_temp.snapshot('months', jsonb_build_object('period_start', now() - interval '10 days', 'period_end', now() + interval '20 days')), 1000000000000000 + 1
);
select is(pg_temp.credits('months'), 105, 'a paid month grants its credits');
select private.apply_subscription(
  pg_temp.snapshot('months', jsonb_build_object('period_start', now() - interval '10 days', 'period_end', now() + interval '20 days')), 1000000000000000 + 2
);
select is(pg_temp.credits('months'), 105, 'once');
select private.apply_subscription(
  pg_temp.snapshot('months', jsonb_build_object(
    'period_start', now(), 'period_end', now() + interval '1 year', 'price_ids', '["price_year"]'::jsonb
  )), 1000000000000000 + 3
);
select is(pg_temp.credits('months'), 105, 'a plan changed in the middle of a month grants nothing twice');
select private.apply_subscription(
  pg_temp.snapshot('months', jsonb_build_object('period_start', now() - interval '40 days', 'period_end', now() - interval '10 days')), 1000000000000000 + 1
);
select is(pg_temp.credits('months'), 205, 'a payment that is heard of late still counts');
select is(
  (select plan_type from public.subscriptions where provider_subscription_id = 'sub_months'), 'premium_yearly',
  'without taking the subscription back'
);

select private.apply_subscription(
  pg_temp.snapshot('yearly', jsonb_build_object(
    'period_start', now() - interval '3 months 1 day', 'period_end', now() - interval '3 months 1 day' + interval '1 year',
    'price_ids', '["price_year"]'::jsonb
  )), 1000000000000000 + 1
);
select is(pg_temp.credits('yearly'), 405, 'a yearly plan grants each month that has started');
select is(private.grant_months((select id from public.subscriptions where provider_subscription_id = 'sub_yearly'), now()), 0, 'and no month twice');

select private.apply_subscription(pg_temp.snapshot('late', '{"status": "trialing", "paid": false}'), 1000000000000001);
select is(pg_temp.credits('late'), 5, 'a trial grants nothing');
select private.apply_subscription(pg_temp.snapshot('late', '{"paid": false}'), 1000000000000002);
select is(pg_temp.credits('late'), 5, 'nor does what is active and not paid yet');
select private.apply_subscription(pg_temp.snapshot('late'), 1000000000000003);
select is(pg_temp.credits('late'), 105, 'until it is paid');

select is_empty($$select * from private.check_ledger()$$, 'the ledger agrees throughout');

-- --------------------------------------------------------------------- checkout

insert into public.coupons (id, code, discount_percent)
values (md5('older')::uuid, 'BILLING-OLD', 10), (md5('newer')::uuid, 'BILLING-NEW', 20);
insert into public.user_coupons (id, user_id, coupon_id, used_at)
values
  (md5('newer')::uuid, md5('shopper')::uuid, md5('newer')::uuid, now()),
  (md5('older')::uuid, md5('shopper')::uuid, md5('older')::uuid, now() - interval '1 day');

create temporary table begun as
select private.begin_checkout(md5('shopper')::uuid, 'stripe', 'premium_monthly', 'f1') as c;

select is((select c ->> 'price_id' from begun), 'price_month', 'a checkout knows its price');
select is((select c -> 'coupon' ->> 'code' from begun), 'BILLING-OLD', 'and takes the oldest coupon');
select is(
  private.begin_checkout(md5('shopper')::uuid, 'stripe', 'premium_monthly', 'f1') ->> 'attempt', (select c ->> 'attempt' from begun),
  'the same asked again is the same attempt'
);
select is(
  private.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_1', 'https://checkout.test/1', now() + interval '1 day'), true,
  'its session is noted'
);
select is(
  (select checkout_session_id from public.user_coupons where id = md5('older')::uuid), 'cs_1', 'and reserves the coupon'
);
select is(
  private.begin_checkout(md5('shopper')::uuid, 'stripe', 'premium_monthly', 'f1') ->> 'url', 'https://checkout.test/1', 'asking again gives its url'
);

select is(
  private.begin_checkout(md5('shopper')::uuid, 'stripe', 'premium_yearly', 'f2'), '{"expire_session": "cs_1", "provider": "stripe"}'::jsonb,
  'asking for something else closes the old one first'
);
select is(
  (select checkout_session_id from public.user_coupons where id = md5('older')::uuid), 'cs_1', 'whose coupon is reserved until that is done'
);
select private.end_checkout(md5('shopper')::uuid, 'cs_1', false);

create temporary table begun_again as
select private.begin_checkout(md5('shopper')::uuid, 'stripe', 'premium_yearly', 'f2') as c;

select is((select c -> 'coupon' ->> 'code' from begun_again), 'BILLING-OLD', 'and then free again');
select is(
  private.open_checkout((select (c ->> 'attempt')::uuid from begun), 'cs_late', 'x', now() + interval '1 day'), false,
  'a session of the old attempt is not accepted'
);
select private.open_checkout((select (c ->> 'attempt')::uuid from begun_again), 'cs_2', 'https://checkout.test/2', now() + interval '1 day');
select private.end_checkout(md5('shopper')::uuid, 'cs_1', true);
select is(
  (select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'a session that did not reserve a coupon does not spend it'
);
select private.end_checkout(md5('shopper')::uuid, 'cs_2', true);
select isnt((select applied_at from public.user_coupons where id = md5('older')::uuid), null, 'the one that did spends it');
select is_empty($$select from private.checkouts where user_id = md5('shopper')::uuid$$, 'and the checkout is closed');

select throws_ok(
  $$select private.begin_checkout(md5('payer')::uuid, 'stripe', 'premium_monthly', 'f')$$, 'PT409', null, 'who is subscribed cannot subscribe again'
);
select throws_ok(
  $$select private.begin_checkout(md5('shopper')::uuid, 'stripe', 'free', 'f')$$, 'PT422', null, 'a plan that is not sold cannot be bought'
);
select throws_ok(
  $$select private.begin_checkout(md5('nobody')::uuid, 'stripe', 'premium_monthly', 'f')$$, 'PT403', null, 'who has no account cannot buy'
);

-- ----------------------------------------------------------------- webhook events

create function pg_temp.record(event_id text, created timestamptz default now(), type text default 'customer.subscription.updated', can_read boolean default false)
returns jsonb
language sql
as $$
  select private.record_webhook_event('stripe', event_id, type, created, false, '{}', can_read)
$$;

create temporary table first_delivery as select pg_temp.record('evt_1') as r;

select is((select r ->> 'status' from first_delivery), 'received', 'a delivery is recorded');
select is(
  private.settle_webhook_event(
    'stripe', 'evt_1', (select (r ->> 'read_number')::bigint from first_delivery),
    jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('gone'))
  ) ->> 'status',
  'processed', 'and settled with its effect'
);
select is(pg_temp.credits('gone'), 105, 'which is there');
select is(pg_temp.record('evt_1'), '{"status": "duplicate"}'::jsonb, 'a second delivery is a duplicate');
select is(
  private.settle_webhook_event('stripe', 'evt_1', 99, '{"kind": "ignored"}') ->> 'status', 'duplicate', 'two that were under way at once settle once'
);
select throws_ok(
  $$select private.settle_webhook_event('stripe', 'evt_none', 1, '{"kind": "ignored"}')$$, 'PT404', null, 'what was not recorded is not settled'
);

select pg_temp.record('evt_2');
select private.fail_webhook_event('stripe', 'evt_2', 'The provider did not answer.');
select is(pg_temp.record('evt_2') ->> 'status', 'received', 'what failed is tried again with the next delivery');
select is((select attempts from private.webhook_events where event_id = 'evt_2'), 2, 'and the attempts are counted');

select ok(
  (pg_temp.record('evt_a', '2026-05-01 00:00:01Z') ->> 'read_number')::bigint
    > (pg_temp.record('evt_b', '2026-05-01 00:00:00Z', 'customer.subscription.deleted') ->> 'read_number')::bigint,
  'without a key a later second counts more'
);
select ok(
  (pg_temp.record('evt_c', '2026-05-01Z', 'customer.subscription.deleted') ->> 'read_number')::bigint
    > (pg_temp.record('evt_d', '2026-05-01Z', 'customer.subscription.updated') ->> 'read_number')::bigint
  and (pg_temp.record('evt_e', '2026-05-01Z', 'customer.subscription.updated') ->> 'read_number')::bigint
    > (pg_temp.record('evt_f', '2026-05-01Z', 'customer.subscription.created') ->> 'read_number')::bigint,
  'within a second an end counts more than a change, and that more than a beginning'
);
select ok(
  (pg_temp.record('evt_g', now(), 'x', true) ->> 'read_number')::bigint > (pg_temp.record('evt_h', '2200-01-01') ->> 'read_number')::bigint,
  'a read counts more than any event'
);

-- A payment that is heard of before its subscription.
select pg_temp.record('evt_paid', now(), 'invoice.paid', true);
select is(
  private.settle_webhook_event(
    'stripe', 'evt_paid', 1000000000000010, jsonb_build_object(
      'kind', 'payment', 'subscription_id', 'sub_early', 'customer_id', 'cus_gone', 'user_id', null,
      'payments', jsonb_build_array(
        jsonb_build_object('price_ids', '["price_month"]'::jsonb, 'from', now() - interval '40 days', 'through', now() - interval '10 days')
      )
    )
  ) ->> 'status',
  'parked', 'a payment waits for its subscription'
);
select private.apply_read(
  pg_temp.snapshot('gone', '{"id": "sub_early", "status": "incomplete", "paid": false}'), 1000000000000011
);
select is((select status from private.webhook_events where event_id = 'evt_paid'), 'processed', 'and is settled when that is read');
select is(pg_temp.credits('gone'), 205, 'with its credits');

-- Parked: an unknown customer whose link appears.
select pg_temp.record('evt_parked');
select is(
  private.settle_webhook_event(
    'stripe', 'evt_parked', 5, jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('other', '{"user_id": null}'))
  ) ->> 'status',
  'parked', 'what cannot be placed is parked'
);
select is(private.link_billing_customer(md5('other')::uuid, 'stripe', 'cus_other'), 'cus_other', 'a customer is linked');
select is((select status from private.webhook_events where event_id = 'evt_parked'), 'processed', 'and what waited for it is settled');
select is((select status from public.subscriptions where provider_subscription_id = 'sub_other'), 'active', 'with its effect');
select is(private.link_billing_customer(md5('other')::uuid, 'stripe', 'cus_twin'), 'cus_other', 'a user keeps the customer they have');

select pg_temp.record('evt_old');
select private.settle_webhook_event('stripe', 'evt_old', 6, '{"kind": "parked", "reason": "No such price."}');
update private.webhook_events set received_at = now() - interval '31 days' where event_id = 'evt_old';
update private.webhook_events set settled_at = now() - interval '91 days' where event_id = 'evt_1';
update public.subscriptions set cancel_at = now() where provider_subscription_id = 'sub_other';
select private.sweep_billing();
select is((select status from private.webhook_events where event_id = 'evt_old'), 'abandoned', 'after thirty days it is given up');
select is_empty($$select from private.webhook_events where event_id = 'evt_1'$$, 'after ninety days what is settled is forgotten');
select results_eq(
  $$select status, ended_at = cancel_at from public.subscriptions where provider_subscription_id = 'sub_other'$$,
  $$values ('canceled', true)$$, 'a scheduled end that has passed is an end'
);

delete from auth.users where id = md5('gone')::uuid;
select is(
  private.apply_subscription(pg_temp.snapshot('gone', '{"user_id": null}'), 50) ->> 'outcome', 'ignored',
  'what is still said of a deleted user''s customer is ignored'
);
select is(
  private.apply_subscription(pg_temp.snapshot('gone', '{"customer_id": "cus_new"}'), 50) ->> 'outcome', 'ignored',
  'and of the user by metadata'
);

-- ------------------------------------------------------------------- an operator

select is(
  private.grant_premium(md5('manual')::uuid, 'premium_yearly', now() + interval '1 year') -> 'is_premium', 'true'::jsonb, 'an operator grants premium'
);
select ok(now() + pg_temp.premium_for('manual') = now() + interval '1 year', 'until exactly then');
select is((private.plan_of(md5('manual')::uuid)).plan_type, 'premium_yearly', 'with the plan''s limits');
select is(pg_temp.credits('manual'), 5, 'and without its monthly credits, which are for what is paid');
select is(
  private.grant_premium(md5('manual')::uuid, 'premium_yearly', now()) -> 'is_premium', 'false'::jsonb, 'and ends it'
);
select throws_ok($$select private.grant_premium(md5('manual')::uuid, 'free', now())$$, 'PT422', null, 'free is no premium plan');
select throws_ok($$select private.grant_premium(md5('nobody')::uuid, 'premium_yearly', now())$$, 'PT404', null, 'nobody is nobody');

select is(
  private.diagnose_account('  OTHER@billing.test ') -> 'user' ->> 'id', md5('other')::uuid::text, 'an account is diagnosed by its email, however typed'
);
select is(private.diagnose_account('other@billing.test') -> 'ledger' -> 'agrees', 'true'::jsonb, 'with the ledger check');
select throws_ok($$select private.diagnose_account('nobody@billing.test')$$, 'PT404', null, 'nobody has no account');

select * from finish();

rollback;

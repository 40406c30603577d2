-- Billing: whose a subscription is, what it entitles to, and what providers and operators may change.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@billing.test'
from unnest(array[
  'payer', 'other', 'second', 'gone', 'studio', 'manual', 'proration', 'refunded', 'disputed', 'owner', 'rise', 'paypal', 'thief', 'both',
  'unpaid', 'shopper', 'overtaken', 'won', 'items', 'kept', 'leaving'
]) as who;

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
values
  ('stripe', 'price_month', 'premium_monthly', 'xts', 900, 'month'),
  ('stripe', 'price_year', 'premium_yearly', 'xts', 9000, 'year'),
  ('stripe', 'price_free', 'free', 'xts', 100, 'month'),
  ('paypal', 'P-MONTH', 'premium_monthly', 'xts', 900, 'month'),
  ('paypal', 'P-YEAR', 'premium_yearly', 'xts', 9000, 'year');

-- The time of this file. Premium lies in the past of now(), so rules are read from premium_until.
create function pg_temp.at(days integer) returns timestamptz language sql as $$ select '2026-03-01 12:00Z'::timestamptz + days * interval '1 day' $$;

create function pg_temp.paid(id text, days integer, changes jsonb default '{}', price text default 'price_month')
returns jsonb
language sql
as $$
  select jsonb_build_object(
    'id', id, 'paid_at', pg_temp.at(days), 'currency', 'xts', 'amount', 900, 'refunds', '[]'::jsonb, 'disputes', '[]'::jsonb,
    'lines', jsonb_build_array(jsonb_build_object(
      'price_id', price, 'from', pg_temp.at(days), 'through',
      pg_temp.at(days) + case when price in ('price_year', 'P-YEAR') then interval '1 year' else interval '1 month' end, 'proration', false
    ))
  ) || changes
$$;

-- A snapshot as the functions make them, with what a case changes: a month that began and was paid at day 0.
create function pg_temp.snapshot(who text, changes jsonb default '{}')
returns jsonb
language sql
as $$
  select jsonb_build_object(
    'provider', 'stripe', 'id', 'sub_' || who, 'customer_id', 'cus_' || who, 'user_id', md5(who)::uuid, 'livemode', false,
    'status', 'active', 'started_at', pg_temp.at(0),
    'items', jsonb_build_array(jsonb_build_object('price_id', 'price_month', 'start', pg_temp.at(0), 'end', pg_temp.at(0) + interval '1 month')),
    'payments', jsonb_build_array(pg_temp.paid('in_' || who, 0))
  ) || changes
$$;

create function pg_temp.item(price text, starts timestamptz, ends timestamptz) returns jsonb language sql as $$
  select jsonb_build_array(jsonb_build_object('price_id', price, 'start', starts, 'end', ends))
$$;

create function pg_temp.read(who text, changes jsonb default '{}', days integer default 0, number bigint default null)
returns jsonb
language sql
as $$
  select private.apply_subscription(pg_temp.snapshot(who, changes), coalesce(number, nextval('private.read_numbers')), pg_temp.at(days))
$$;

create function pg_temp.premium(who text) returns timestamptz language sql as $$ select premium_until from public.users where id = md5(who)::uuid $$;
create function pg_temp.credits(who text) returns integer language sql as $$ select credits from public.users where id = md5(who)::uuid $$;
create function pg_temp.flags(who text) returns text language sql as $$
  select string_agg(kind, ', ' order by kind) from private.billing_flags where user_id = md5(who)::uuid and resolved_at is null
$$;

-- ------------------------------------------------------------------ whose it is

select is(pg_temp.read('payer') ->> 'outcome', 'processed', 'metadata that we wrote makes the missing link');
select is((select user_id from private.billing_customers where customer_id = 'cus_payer'), md5('payer')::uuid, 'and the link is kept');
select is(pg_temp.read('payer', '{"user_id": null}') ->> 'outcome', 'processed', 'a linked customer needs no metadata');
select is(
  pg_temp.read('payer', jsonb_build_object('user_id', md5('other')::uuid)) ->> 'reason',
  'The metadata names another user than the one this customer is linked to.', 'a contradiction parks'
);
select is(
  pg_temp.read('unheard', '{"user_id": null}') ->> 'reason', 'No user is linked to this customer.', 'an unknown customer parks'
);
select is(pg_temp.read('unheard') ->> 'reason', 'The metadata names a user who has no account.', 'so does an unknown user');
select is(
  pg_temp.read('unheard', '{"user_id": "not an id"}') ->> 'outcome', 'parked', 'metadata that is no id is nobody''s, and no error'
);
select is(
  pg_temp.read('payer', '{"customer_id": "cus_second"}') ->> 'reason', 'The metadata names a user who has another customer.',
  'a second customer is not linked by metadata'
);
select is(
  pg_temp.read('other', jsonb_build_object('customer_id', repeat('c', 256))) ->> 'outcome', 'parked',
  'a customer id longer than the column parks instead of failing'
);
select is(
  pg_temp.read('payer', '{"items": [{"price_id": "price_unheard"}]}') - 'user_id',
  '{"outcome": "parked", "reason": "No plan has the price price_unheard.", "waits_for": "price:price_unheard"}'::jsonb,
  'a price that is none of ours parks when the customer is linked'
);
select is(
  pg_temp.read('foreign', '{"user_id": null, "items": [{"price_id": "price_unheard"}]}') ->> 'outcome', 'ignored',
  'and is ignored of a customer who is nobody''s'
);

select pg_temp.read('other');
select is(
  private.apply_subscription(pg_temp.snapshot('other', '{"id": "sub_payer"}'), nextval('private.read_numbers'), pg_temp.at(0)) ->> 'outcome',
  'parked', 'apply_subscription cannot write another user''s row'
);
select is(
  (select user_id from public.subscriptions where provider_subscription_id = 'sub_payer'), md5('payer')::uuid, 'which stays as it was'
);

-- -------------------------------------------------------------------- by number

select pg_temp.read('payer', '{"status": "canceled"}', 0, 11);
select is(
  (select status from public.subscriptions where provider_subscription_id = 'sub_payer'), 'active', 'a read with a lower number changes nothing'
);

-- ------------------------------------------------------------------ entitlement

create temporary table states (id integer generated always as identity, changes jsonb, premium timestamptz, rule text);

insert into states (changes, premium, rule)
values
  ('{}', '2026-04-04 12:00Z', 'active: three days beyond the period'),
  ('{"status": "trialing"}', '2026-04-04 12:00Z', 'trialing: the same'),
  (jsonb_build_object('cancel_at', '2026-04-01 12:00Z'), '2026-04-01 12:00Z', 'scheduled: exactly the end'),
  (jsonb_build_object('cancel_at', pg_temp.at(10)), pg_temp.at(10), 'scheduled within the period: exactly that'),
  ('{"status": "past_due"}', '2026-04-01 12:00Z', 'past due within a period that was paid for: its end'),
  (jsonb_build_object('status', 'past_due', 'unpaid_since', pg_temp.at(20)), '2026-04-01 12:00Z', 'past due: the later of that end and seven days from what is unpaid'),
  (jsonb_build_object('status', 'past_due', 'unpaid_since', pg_temp.at(28)), pg_temp.at(35), 'past due: seven days from what is unpaid, where that is later'),
  (
    jsonb_build_object('status', 'past_due', 'items', pg_temp.item('price_month', '2026-04-01 12:00Z', '2026-05-01 12:00Z')), '2026-04-08 12:00Z',
    'past due: seven days from the start of the unpaid period'
  ),
  ('{"status": "unpaid"}', null, 'unpaid: none'),
  ('{"status": "paused"}', null, 'paused: none'),
  ('{"status": "incomplete"}', null, 'incomplete: none'),
  ('{"status": "incomplete_expired"}', null, 'incomplete_expired: none'),
  (jsonb_build_object('status', 'canceled', 'ended_at', pg_temp.at(0)), null, 'canceled: none');

select is(
  (select pg_temp.premium('payer') from (select pg_temp.read('payer', s.changes) offset 0) as r), s.premium, s.rule
)
from states as s
order by s.id;

select pg_temp.read('payer', jsonb_build_object('status', 'past_due', 'unpaid_since', pg_temp.at(28)), 33);
select is(pg_temp.premium('payer'), pg_temp.at(35), 'no retry of a payment moves the seven days');

select pg_temp.read('items', jsonb_build_object('items', pg_temp.item('price_free', pg_temp.at(0), pg_temp.at(9)) || pg_temp.item('price_month', pg_temp.at(0), pg_temp.at(31))));
select is((select plan_type from public.subscriptions where provider_subscription_id = 'sub_items'), 'premium_monthly', 'of several items the richest plan of ours counts');
select is(
  pg_temp.read('items', jsonb_build_object('items', pg_temp.item('price_unknown', pg_temp.at(0), pg_temp.at(31)))) ->> 'outcome', 'parked',
  'one that runs on a price that nobody knows parks'
);
select pg_temp.read('items', jsonb_build_object('status', 'canceled', 'ended_at', pg_temp.at(2), 'items', pg_temp.item('price_unknown', pg_temp.at(0), pg_temp.at(31))));
select is(pg_temp.premium('items'), null, 'one that ended on such a price has ended, on the plan it had');

select pg_temp.read('payer');
select pg_temp.read('payer', jsonb_build_object('id', 'sub_payer_2', 'payments', '[]'::jsonb, 'items', pg_temp.item('price_month', pg_temp.at(0), pg_temp.at(10))));
select is(pg_temp.premium('payer'), '2026-04-04 12:00Z', 'of two subscriptions the latest end counts');

-- ------------------------------------------------- the rows of what was found, one by one

-- The plan's price is raised.
select pg_temp.read('rise');
update public.prices set is_current = false where provider_price_id = 'price_month';
insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
values ('stripe', 'price_raised', 'premium_monthly', 'xts', 1900, 'month');
select is(
  pg_temp.read('rise', jsonb_build_object(
    'items', pg_temp.item('price_month', '2026-04-01 12:00Z', '2026-05-01 12:00Z'), 'payments', jsonb_build_array(pg_temp.paid('in_rise', 0), pg_temp.paid('in_rise_2', 31))
  ), 31) ->> 'outcome', 'processed', 'a price rise: the renewal of an existing subscriber at the old price is processed'
);
select results_eq(
  $$select pg_temp.premium('rise'), pg_temp.credits('rise')$$, $$values ('2026-05-04 12:00Z'::timestamptz, 205)$$,
  'and premium and credits go on'
);
update public.prices set is_current = false where provider_price_id = 'price_raised';
update public.prices set is_current = true where provider_price_id = 'price_month';

-- A price that was made at the provider's dashboard.
select private.record_webhook_event(
  'stripe', 'evt_dashboard', 'customer.subscription.updated', pg_temp.at(0), false, '{}',
  jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('second', jsonb_build_object(
    'items', pg_temp.item('price_dashboard', pg_temp.at(0), pg_temp.at(31)), 'payments', jsonb_build_array(pg_temp.paid('in_second', 0, '{}', 'price_dashboard'))
  ))), nextval('private.read_numbers'), pg_temp.at(0)
);
select is((select status from private.webhook_events where event_id = 'evt_dashboard'), 'parked', 'a price made at the provider''s dashboard parks');
insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, is_current)
values ('stripe', 'price_dashboard', 'premium_monthly', 'xts', 700, 'month', false);
select is((select status from private.webhook_events where event_id = 'evt_dashboard'), 'processed', 'and applies when it is added by one insert');
select is(pg_temp.credits('second'), 105, 'with its credits');

-- A $3 proration invoice fails.
select pg_temp.read('proration', jsonb_build_object(
  'items', pg_temp.item('price_year', pg_temp.at(0), pg_temp.at(0) + interval '1 year'), 'payments', jsonb_build_array(pg_temp.paid('in_proration', 0, '{}', 'price_year'))
));
select pg_temp.read('proration', jsonb_build_object(
  'status', 'past_due', 'items', pg_temp.item('price_year', pg_temp.at(0), pg_temp.at(0) + interval '1 year')
), 60);
select is(pg_temp.premium('proration'), '2027-03-01 12:00Z', 'a proration invoice that fails does not end the year that was paid for');

-- The owner sets a subscription to canceled.
select pg_temp.read('owner');
update public.subscriptions set status = 'canceled' where provider_subscription_id = 'sub_owner';
select is(pg_temp.premium('owner'), null, 'the owner sets a subscription to canceled: premium ends with it');
select isnt((select ended_at from public.subscriptions where provider_subscription_id = 'sub_owner'), null, 'and it says since when');
delete from public.subscriptions where provider_subscription_id = 'sub_owner';
select pg_temp.read('owner', '{"payments": []}');
select isnt(pg_temp.premium('owner'), null, 'a subscription that appears makes premium');
update public.subscriptions set user_id = md5('second')::uuid where provider_subscription_id = 'sub_owner';
select is(pg_temp.premium('owner'), null, 'one that moves takes it along');
delete from public.subscriptions where provider_subscription_id = 'sub_owner';

-- Revoked by an operator.
select pg_temp.read('owner', '{"payments": []}');
create temporary table revoked as
select s.id from public.subscriptions as s where s.provider_subscription_id = 'sub_owner';
select is(public.revoke_subscription((select id from revoked), 'Fraud') -> 'premium_until', 'null'::jsonb, 'a revoked subscription entitles to nothing');
select pg_temp.read('owner', '{"payments": []}', 1);
select is(pg_temp.premium('owner'), null, 'whatever the provider says');
select throws_ok($$select public.revoke_subscription((select id from revoked), ' ')$$, 'PT422', null, 'revoking needs a reason');
select throws_ok($$select public.revoke_subscription(md5('none')::uuid, 'Fraud')$$, 'PT422', null, 'and a subscription');
select isnt(public.reinstate_subscription((select id from revoked)) -> 'premium_until', 'null'::jsonb, 'until it is reinstated');

-- ------------------------------------------------------------- refunds and disputes

create function pg_temp.refund(amount integer, days integer, status text default 'succeeded') returns jsonb language sql as $$
  select jsonb_build_object('refunds', jsonb_build_array(jsonb_build_object(
    'id', 're_' || days, 'amount', amount, 'currency', 'xts', 'status', status, 'reason', 'requested_by_customer', 'created_at', pg_temp.at(days)
  )))
$$;

select pg_temp.read('refunded', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(300, 3)))), 3);
select is(pg_temp.premium('refunded'), '2026-04-04 12:00Z', 'a partial refund changes nothing');
select is(pg_temp.flags('refunded'), 'refund', 'and is flagged');
select pg_temp.read('refunded', jsonb_build_object(
  'cancel_at', '2026-04-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(300, 3)))
), 4);
select is(pg_temp.premium('refunded'), '2026-04-01 12:00Z', 'cancelled, it runs to the end of what is paid');
select pg_temp.read('refunded', jsonb_build_object(
  'cancel_at', '2026-04-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(600, 5)))
), 5);
select is(pg_temp.premium('refunded'), null, 'refunded in full, in two parts, and cancelled: it ends at once');
select is(pg_temp.credits('refunded'), 105, 'nothing that was granted is taken');
select pg_temp.read('kept', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_kept', 0, pg_temp.refund(900, 6)))), 6);
select is(pg_temp.premium('kept'), '2026-04-04 12:00Z', 'refunded in full, but not cancelled: it goes on');
select results_eq(
  $$select incident_id, amount, currency, status, reason, created_at from private.payment_incidents where payment_id = 'in_refunded' order by incident_id$$,
  $$values ('re_3', 300::bigint, 'xts', 'succeeded', 'requested_by_customer', pg_temp.at(3)), ('re_5', 600, 'xts', 'succeeded', 'requested_by_customer', pg_temp.at(5))$$,
  'each refund keeps amount, currency, status and reason'
);

create function pg_temp.dispute(status text) returns jsonb language sql as $$
  select jsonb_build_object('disputes', jsonb_build_array(jsonb_build_object(
    'id', 'dp_1', 'amount', 900, 'currency', 'xts', 'status', status, 'reason', 'fraudulent', 'due_at', pg_temp.at(20), 'created_at', pg_temp.at(5)
  )))
$$;

select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('needs_response')))), 5);
select is(pg_temp.premium('disputed'), '2026-04-04 12:00Z', 'an open dispute takes nothing');
select is(pg_temp.flags('disputed'), 'dispute', 'and is flagged');
select is((select due_at from private.payment_incidents where incident_id = 'dp_1'), pg_temp.at(20), 'with the date to answer by');
select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('lost')))), 9);
select is(pg_temp.premium('disputed'), null, 'a lost dispute revokes the subscription it paid for');
select private.change_revocation(s.id, null, false, pg_temp.at(10)) from public.subscriptions as s where s.provider_subscription_id = 'sub_disputed';
select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('lost')))), 11);
select is(pg_temp.premium('disputed'), '2026-04-04 12:00Z', 'once: what was reinstated stays so');

select pg_temp.read('won', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_won', 0, replace(pg_temp.dispute('won')::text, 'dp_1', 'dp_2')::jsonb))), 9);
select is(pg_temp.premium('won'), '2026-04-04 12:00Z', 'a dispute that is won takes nothing');

-- ------------------------------------------------------------------ out of order

select pg_temp.read('overtaken', '{}', 0, 1000);
select pg_temp.read('overtaken', jsonb_build_object('status', 'canceled', 'ended_at', pg_temp.at(1)), 2, 999);
select is(pg_temp.premium('overtaken'), '2026-04-04 12:00Z', 'an older read does not overwrite what a newer one wrote');

-- --------------------------------------------------------------------- two at once

select is(pg_temp.flags('payer'), 'second_subscription', 'a second running subscription is flagged');
select pg_temp.read('payer', jsonb_build_object('id', 'sub_payer_2', 'status', 'canceled', 'payments', '[]'::jsonb));
select is(pg_temp.flags('payer'), null, 'until one of them ends');

-- ------------------------------------------------------------------------ PayPal

create function pg_temp.paypal(who text, id text, changes jsonb default '{}', days integer default 0)
returns jsonb
language sql
as $$
  select private.apply_subscription(jsonb_build_object(
    'provider', 'paypal', 'id', id, 'customer_id', null, 'user_id', md5(who)::uuid, 'livemode', false, 'status', 'active',
    'started_at', pg_temp.at(0), 'items', pg_temp.item('P-MONTH', null, null), 'payments', jsonb_build_array(pg_temp.paid('T-' || id, 0, '{}', 'P-MONTH'))
  ) || changes, nextval('private.read_numbers'), pg_temp.at(days))
$$;

create function pg_temp.order_paypal(who text, id text, ordered text default 'premium_monthly')
returns void
language sql
as $$
  select private.end_checkout(c.user_id, c.session_id, false, pg_temp.at(0)) from private.checkouts as c where c.user_id = md5(who)::uuid;
  select private.open_checkout(
    (private.begin_checkout(md5(who)::uuid, 'paypal', id, ordered, null, 'xts', false, pg_temp.at(0)) ->> 'attempt')::uuid,
    id, 'https://paypal.test', pg_temp.at(1), pg_temp.at(0)
  )
$$;

select is(pg_temp.paypal('thief', 'I-OWN') ->> 'outcome', 'ignored', 'PayPal: a subscription that the buyer made is not believed');
select is(pg_temp.premium('thief'), null, 'and makes nobody premium');
select is(pg_temp.paypal('other', 'I-OWN') ->> 'outcome', 'ignored', 'with another user''s id in it, it does not block that user');
select is(pg_temp.flags('other'), null, 'nor flag them');

select pg_temp.order_paypal('thief', 'I-CENT');
select pg_temp.paypal('thief', 'I-CENT', '{"plan_overridden": true}');
select is(pg_temp.premium('thief'), null, 'PayPal: a plan overridden to one cent entitles to nothing');
select is(pg_temp.flags('thief'), 'paypal_not_believed', 'and is flagged');
select is(pg_temp.credits('thief'), 5, 'without credits');
select pg_temp.paypal('thief', 'I-CENT', jsonb_build_object('started_at', pg_temp.at(3650)));
select is(pg_temp.premium('thief'), null, 'PayPal: nor one that starts in ten years');
select pg_temp.paypal('thief', 'I-CENT', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null)));
select is(pg_temp.premium('thief'), null, 'PayPal: nor another plan than the one that was ordered');
select pg_temp.paypal('thief', 'I-CENT', '{"payments": []}');
select is(pg_temp.premium('thief'), null, 'PayPal: nothing before a payment');

select pg_temp.order_paypal('paypal', 'I-GOOD');
select is(
  pg_temp.paypal('paypal', 'I-GOOD', '{"status": "incomplete", "approved": true, "payments": []}') -> 'tasks' -> 0 ->> 'action', 'activate',
  'PayPal: an approval is activated by us'
);
select private.finish_provider_task(t.id, null, pg_temp.at(0)) from private.provider_tasks as t where t.subscription_id = 'I-GOOD';
select pg_temp.paypal('paypal', 'I-GOOD');
select results_eq(
  $$select current_period_start, current_period_end, pg_temp.premium('paypal') from public.subscriptions where provider_subscription_id = 'I-GOOD'$$,
  $$values (pg_temp.at(0), '2026-04-01 12:00Z'::timestamptz, '2026-04-04 12:00Z'::timestamptz)$$, 'PayPal: its period is the one that was paid'
);
select is(pg_temp.credits('paypal'), 105, 'with its credits');
select pg_temp.paypal('paypal', 'I-GOOD', '{"status": "past_due"}', 31);
select is(pg_temp.premium('paypal'), '2026-04-08 12:00Z', 'PayPal: suspended, seven days from the end of what was paid');

select pg_temp.order_paypal('both', 'I-TRIAL', 'premium_yearly');
select pg_temp.paypal('both', 'I-TRIAL', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null), 'payments', '[]'::jsonb));
select is(pg_temp.premium('both'), null, 'PayPal: a trial week without a payment is not premium');
select pg_temp.paypal('both', 'I-TRIAL', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null), 'payments', '[]'::jsonb, 'status', 'canceled', 'ended_at', pg_temp.at(7)), 7);
select is(pg_temp.premium('both'), null, 'PayPal: and cancelled, it is not premium for a year');
select pg_temp.order_paypal('both', 'I-REFUNDED', 'premium_yearly');
select pg_temp.paypal('both', 'I-REFUNDED', jsonb_build_object(
  'items', pg_temp.item('P-YEAR', null, null), 'cancel_at', '2027-03-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('T-R', 0, pg_temp.refund(900, 8), 'P-YEAR'))
), 8);
select is(pg_temp.premium('both'), null, 'PayPal: refunded in full and cancelled, it is not premium all year');
select is(
  (select status from public.subscriptions where provider_subscription_id = 'I-REFUNDED'), 'canceled', 'it has ended'
);
select isnt(
  (select closed_at from private.known_subscriptions where subscription_id = 'I-REFUNDED'), null, 'and need not be read again'
);

-- PayPal and Stripe both approved.
select pg_temp.order_paypal('both', 'I-SECOND');
select pg_temp.read('both', '{}', 9);
select is(
  pg_temp.paypal('both', 'I-SECOND', '{"status": "incomplete", "approved": true, "payments": []}', 9) -> 'tasks' -> 0 ->> 'action', 'cancel',
  'PayPal and Stripe both approved: PayPal''s is cancelled, and never takes money'
);

-- ------------------------------------------------------------- deleted accounts

select pg_temp.read('gone');
select pg_temp.order_paypal('studio', 'I-OPEN');
select pg_temp.read('studio');
-- Cancelled and refunded it has ended here, and runs on at Stripe until its scheduled end.
select private.apply_subscription(
  pg_temp.snapshot('leaving', jsonb_build_object(
    'cancel_at', now() + interval '1 month', 'payments', jsonb_build_array(pg_temp.paid('in_leaving', 0, pg_temp.refund(900, 1)))
  )), nextval('private.read_numbers'), pg_temp.at(2)
);
delete from auth.users where id in (md5('gone')::uuid, md5('studio')::uuid, md5('leaving')::uuid);
select set_eq(
  $$select subscription_id, action from private.provider_tasks where done_at is null and user_id in (md5('gone')::uuid, md5('studio')::uuid, md5('leaving')::uuid)$$,
  $$values ('sub_gone', 'cancel'), ('sub_studio', 'cancel'), ('sub_leaving', 'cancel'), ('I-OPEN', 'cancel')$$,
  'a user who is deleted, in Studio too, leaves nothing that is charged: subscriptions and open approvals are to be cancelled'
);
select is(
  pg_temp.paypal('studio', 'I-OPEN', '{"status": "incomplete", "approved": true, "payments": []}') -> 'tasks' -> 0 ->> 'action', 'cancel',
  'an approval that comes after the deletion is cancelled, never activated'
);
select is(pg_temp.read('gone', '{"user_id": null}') ->> 'outcome', 'ignored', 'what is still said of a deleted user''s customer is ignored');
select is(pg_temp.read('gone', '{"customer_id": "cus_new"}') ->> 'outcome', 'ignored', 'and of the user by metadata');
select is_empty($$select from private.billing_flags where reference = 'in_gone'$$, 'a payment from before the deletion is no news');
select is(
  pg_temp.read('gone', jsonb_build_object('cancel_at', pg_temp.at(9))) -> 'tasks', '[]'::jsonb, 'one that is scheduled to end is not cancelled over and over'
);
select private.apply_subscription(
  pg_temp.snapshot('gone', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_late', 0) || jsonb_build_object('paid_at', now() + interval '1 day')))),
  nextval('private.read_numbers'), now() + interval '1 day'
);
select is(pg_temp.flags('gone'), 'money_without_account', 'a payment for a deleted user is flagged');
select is(
  (select jsonb_array_length(public.open_provider_tasks())), (select count(*)::integer from private.provider_tasks where done_at is null),
  'and the cancelling is listed for whoever can do it'
);
select public.finish_provider_task(t.id, 'Stripe did not answer.') from private.provider_tasks as t where t.subscription_id = 'sub_gone';
select is(
  (select attempts from private.provider_tasks where subscription_id = 'sub_gone'), 1, 'a failed attempt is counted and tried later'
);

-- ---------------------------------------------------------------- lost events

select pg_temp.read('unpaid');
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', nextval('private.read_numbers'), pg_temp.at(5));
select results_eq(
  $$select status, ended_at, pg_temp.premium('unpaid') from public.subscriptions where provider_subscription_id = 'sub_unpaid'$$,
  $$values ('canceled', pg_temp.at(5), null::timestamptz)$$, 'what the provider has no longer has ended'
);
select pg_temp.read('unpaid', '{"status": "unpaid"}', 6, 1900000000000000);
select throws_ok(
  $$select private.begin_checkout(md5('unpaid')::uuid, 'stripe', 'f', 'premium_monthly', null, 'xts', false, pg_temp.at(6))$$,
  'PT409', null, 'who owes for a subscription pays for that one, and cannot buy a second'
);
select pg_temp.read('unpaid', '{}', 6, 2000000000000000);
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', 1999999999999999, pg_temp.at(7));
select is((select status from public.subscriptions where provider_subscription_id = 'sub_unpaid'), 'active', 'unless a later read found it');
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', 2000000000000001, pg_temp.at(7));
select lives_ok(
  $$select private.begin_checkout(md5('unpaid')::uuid, 'stripe', 'f', 'premium_monthly', null, 'xts', false, pg_temp.at(6))$$,
  'so that a lost deletion does not lock the user out of buying'
);

-- ------------------------------------------------------------------- an operator

select is(
  public.grant_premium(md5('manual')::uuid, 'premium_yearly', now() + interval '1 year') -> 'is_premium', 'true'::jsonb, 'an operator grants premium'
);
select is(pg_temp.premium('manual'), now() + interval '1 year', 'until exactly then');
select is((private.plan_of(md5('manual')::uuid)).plan_type, 'premium_yearly', 'with the plan''s limits');
select is(pg_temp.credits('manual'), 5, 'and without its monthly credits, which are for what is paid');
select is(public.grant_premium(md5('manual')::uuid, 'premium_yearly', now()) -> 'is_premium', 'false'::jsonb, 'and ends it');
select throws_ok($$select public.grant_premium(md5('manual')::uuid, 'free', now())$$, 'PT422', null, 'free is no premium plan');
select throws_ok($$select public.grant_premium(md5('nobody')::uuid, 'premium_yearly', now())$$, 'PT404', null, 'nobody is nobody');

select is(
  public.diagnose_account('  OTHER@billing.test ') -> 'user' ->> 'id', md5('other')::uuid::text, 'an account is diagnosed by its email, however typed'
);
select is(public.diagnose_account('other@billing.test') -> 'ledger' -> 'agrees', 'true'::jsonb, 'with the ledger check');
select throws_ok($$select public.diagnose_account('nobody@billing.test')$$, 'PT404', null, 'nobody has no account');

select is_empty($$select * from private.check_ledger()$$, 'the ledger agrees throughout');

select * from finish();

rollback;

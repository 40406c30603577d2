-- Subscriptions: which user they belong to, what they entitle to, and what providers and operators may change.
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

-- The clock of this file. Its times are before now(), so rules are checked on premium_until.
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

-- A snapshot as the edge functions make it, of a month that began and was paid on day 0, with the changes of a case.
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

-- --------------------------------------------------------- the user of a subscription

select is(pg_temp.read('payer') ->> 'outcome', 'processed', 'a subscription links its customer to the user of our metadata');
select is((select user_id from private.billing_customers where customer_id = 'cus_payer'), md5('payer')::uuid, 'the link from customer to user is stored');
select is(pg_temp.read('payer', '{"user_id": null}') ->> 'outcome', 'processed', 'a subscription of a linked customer needs no metadata');
select is(
  pg_temp.read('payer', jsonb_build_object('user_id', md5('other')::uuid)) ->> 'reason',
  'The metadata names another user than the one this customer is linked to.', 'a subscription whose metadata contradicts the link is parked'
);
select is(
  pg_temp.read('unheard', '{"user_id": null}') ->> 'reason', 'No user is linked to this customer.', 'a subscription of an unknown customer is parked'
);
select is(pg_temp.read('unheard') ->> 'reason', 'The metadata names a user who has no account.', 'a subscription of an unknown user is parked');
select is(
  pg_temp.read('unheard', '{"user_id": "not an id"}') ->> 'outcome', 'parked', 'a subscription whose metadata is no id is parked, without an error'
);
select is(
  pg_temp.read('payer', '{"customer_id": "cus_second"}') ->> 'reason', 'The metadata names a user who has another customer.',
  'a second customer of a user is not linked by metadata'
);
select is(
  pg_temp.read('other', jsonb_build_object('customer_id', repeat('c', 256))) ->> 'outcome', 'parked',
  'a subscription with a customer id longer than the column is parked, without an error'
);
select is(
  pg_temp.read('payer', '{"items": [{"price_id": "price_unheard"}]}') - 'user_id',
  '{"outcome": "parked", "reason": "No plan has the price price_unheard.", "waits_for": "price:price_unheard"}'::jsonb,
  'a subscription with an unknown price is parked if its customer is linked'
);
select is(
  pg_temp.read('foreign', '{"user_id": null, "items": [{"price_id": "price_unheard"}]}') ->> 'outcome', 'ignored',
  'a subscription with an unknown price is ignored if its customer is not linked'
);

select pg_temp.read('other');
select is(
  private.apply_subscription(pg_temp.snapshot('other', '{"id": "sub_payer"}'), nextval('private.read_numbers'), pg_temp.at(0)) ->> 'outcome',
  'parked', 'a read for one user cannot write the subscription of another'
);
select is(
  (select user_id from public.subscriptions where provider_subscription_id = 'sub_payer'), md5('payer')::uuid, 'the other user''s subscription is not changed'
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
  ('{"status": "trialing"}', '2026-04-04 12:00Z', 'trialing: three days beyond the period'),
  (jsonb_build_object('cancel_at', '2026-04-01 12:00Z'), '2026-04-01 12:00Z', 'scheduled to end: exactly the end'),
  (jsonb_build_object('cancel_at', pg_temp.at(10)), pg_temp.at(10), 'scheduled to end within the period: exactly then'),
  ('{"status": "past_due"}', '2026-04-01 12:00Z', 'past due within a paid period: the end of that period'),
  (jsonb_build_object('status', 'past_due', 'unpaid_since', pg_temp.at(20)), '2026-04-01 12:00Z', 'past due: the end of the paid period, if that is later than seven days after the unpaid invoice'),
  (jsonb_build_object('status', 'past_due', 'unpaid_since', pg_temp.at(28)), pg_temp.at(35), 'past due: seven days after the unpaid invoice, if that is later'),
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
select is(pg_temp.premium('payer'), pg_temp.at(35), 'a retry of the payment does not extend the seven days');

select pg_temp.read('items', jsonb_build_object('items', pg_temp.item('price_free', pg_temp.at(0), pg_temp.at(9)) || pg_temp.item('price_month', pg_temp.at(0), pg_temp.at(31))));
select is((select plan_type from public.subscriptions where provider_subscription_id = 'sub_items'), 'premium_monthly', 'of several items the one with the highest plan counts');
select is(
  pg_temp.read('items', jsonb_build_object('items', pg_temp.item('price_unknown', pg_temp.at(0), pg_temp.at(31)))) ->> 'outcome', 'parked',
  'a running subscription that moves to an unknown price is parked'
);
select pg_temp.read('items', jsonb_build_object('status', 'canceled', 'ended_at', pg_temp.at(2), 'items', pg_temp.item('price_unknown', pg_temp.at(0), pg_temp.at(31))));
select is(pg_temp.premium('items'), null, 'a subscription that ends with an unknown price ends premium');

select pg_temp.read('payer');
select pg_temp.read('payer', jsonb_build_object('id', 'sub_payer_2', 'payments', '[]'::jsonb, 'items', pg_temp.item('price_month', pg_temp.at(0), pg_temp.at(10))));
select is(pg_temp.premium('payer'), '2026-04-04 12:00Z', 'of two subscriptions the later end counts');

-- ------------------------------------------------------------- faults of the past

-- A price is raised.
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
  'premium and credits go on at the old price'
);
update public.prices set is_current = false where provider_price_id = 'price_raised';
update public.prices set is_current = true where provider_price_id = 'price_month';

-- A price was created at the provider's dashboard.
select private.record_webhook_event(
  'stripe', 'evt_dashboard', 'customer.subscription.updated', pg_temp.at(0), false, '{}',
  jsonb_build_object('kind', 'subscription', 'snapshot', pg_temp.snapshot('second', jsonb_build_object(
    'items', pg_temp.item('price_dashboard', pg_temp.at(0), pg_temp.at(31)), 'payments', jsonb_build_array(pg_temp.paid('in_second', 0, '{}', 'price_dashboard'))
  ))), nextval('private.read_numbers'), pg_temp.at(0)
);
select is((select status from private.webhook_events where event_id = 'evt_dashboard'), 'parked', 'an event with a price that was created at the provider''s dashboard is parked');
insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, is_current)
values ('stripe', 'price_dashboard', 'premium_monthly', 'xts', 700, 'month', false);
select is((select status from private.webhook_events where event_id = 'evt_dashboard'), 'processed', 'the parked event is processed when the price is inserted');
select is(pg_temp.credits('second'), 105, 'the event that was parked grants its credits');

-- A $3 proration invoice fails.
select pg_temp.read('proration', jsonb_build_object(
  'items', pg_temp.item('price_year', pg_temp.at(0), pg_temp.at(0) + interval '1 year'), 'payments', jsonb_build_array(pg_temp.paid('in_proration', 0, '{}', 'price_year'))
));
select pg_temp.read('proration', jsonb_build_object(
  'status', 'past_due', 'items', pg_temp.item('price_year', pg_temp.at(0), pg_temp.at(0) + interval '1 year')
), 60);
select is(pg_temp.premium('proration'), '2027-03-01 12:00Z', 'a proration invoice that fails does not end the year that was paid for');

-- The operator writes the table.
select pg_temp.read('owner');
update public.subscriptions set status = 'canceled' where provider_subscription_id = 'sub_owner';
select is(pg_temp.premium('owner'), null, 'setting a subscription''s status to canceled ends premium');
select isnt((select ended_at from public.subscriptions where provider_subscription_id = 'sub_owner'), null, 'setting a subscription''s status to canceled sets ended_at');
delete from public.subscriptions where provider_subscription_id = 'sub_owner';
select pg_temp.read('owner', '{"payments": []}');
select isnt(pg_temp.premium('owner'), null, 'inserting a subscription gives premium');
update public.subscriptions set user_id = md5('second')::uuid where provider_subscription_id = 'sub_owner';
select is(pg_temp.premium('owner'), null, 'moving a subscription to another user takes premium away');
delete from public.subscriptions where provider_subscription_id = 'sub_owner';

-- An operator revokes a subscription.
select pg_temp.read('owner', '{"payments": []}');
create temporary table revoked as
select s.id from public.subscriptions as s where s.provider_subscription_id = 'sub_owner';
select is(public.revoke_subscription((select id from revoked), 'Fraud') -> 'premium_until', 'null'::jsonb, 'a revoked subscription does not entitle');
select pg_temp.read('owner', '{"payments": []}', 1);
select is(pg_temp.premium('owner'), null, 'a revoked subscription does not entitle even if the provider says that it is active');
select throws_ok($$select public.revoke_subscription((select id from revoked), ' ')$$, 'PT422', null, 'revoking without a reason is refused');
select throws_ok($$select public.revoke_subscription(md5('none')::uuid, 'Fraud')$$, 'PT422', null, 'revoking an unknown subscription is refused');
select isnt(public.reinstate_subscription((select id from revoked)) -> 'premium_until', 'null'::jsonb, 'a reinstated subscription entitles again');

-- ------------------------------------------------------------- refunds and disputes

create function pg_temp.refund(amount integer, days integer, status text default 'succeeded') returns jsonb language sql as $$
  select jsonb_build_object('refunds', jsonb_build_array(jsonb_build_object(
    'id', 're_' || days, 'amount', amount, 'currency', 'xts', 'status', status, 'reason', 'requested_by_customer', 'created_at', pg_temp.at(days)
  )))
$$;

select pg_temp.read('refunded', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(300, 3)))), 3);
select is(pg_temp.premium('refunded'), '2026-04-04 12:00Z', 'a partial refund does not change premium');
select is(pg_temp.flags('refunded'), 'refund', 'a partial refund is flagged');
select pg_temp.read('refunded', jsonb_build_object(
  'cancel_at', '2026-04-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(300, 3)))
), 4);
select is(pg_temp.premium('refunded'), '2026-04-01 12:00Z', 'a cancelled subscription with a partial refund entitles until the end of the paid period');
select pg_temp.read('refunded', jsonb_build_object(
  'cancel_at', '2026-04-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('in_refunded', 0, pg_temp.refund(600, 5)))
), 5);
select is(pg_temp.premium('refunded'), null, 'a cancelled subscription ends at once when it is refunded in full, even in two parts');
select is(pg_temp.credits('refunded'), 105, 'a refund takes back no credits of a subscription');
select pg_temp.read('kept', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_kept', 0, pg_temp.refund(900, 6)))), 6);
select is(pg_temp.premium('kept'), '2026-04-04 12:00Z', 'a subscription that is refunded in full but not cancelled goes on');
select results_eq(
  $$select incident_id, amount, currency, status, reason, created_at from private.payment_incidents where payment_id = 'in_refunded' order by incident_id$$,
  $$values ('re_3', 300::bigint, 'xts', 'succeeded', 'requested_by_customer', pg_temp.at(3)), ('re_5', 600, 'xts', 'succeeded', 'requested_by_customer', pg_temp.at(5))$$,
  'each refund is recorded with amount, currency, status and reason'
);

create function pg_temp.dispute(status text) returns jsonb language sql as $$
  select jsonb_build_object('disputes', jsonb_build_array(jsonb_build_object(
    'id', 'dp_1', 'amount', 900, 'currency', 'xts', 'status', status, 'reason', 'fraudulent', 'due_at', pg_temp.at(20), 'created_at', pg_temp.at(5)
  )))
$$;

select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('needs_response')))), 5);
select is(pg_temp.premium('disputed'), '2026-04-04 12:00Z', 'an open dispute does not change premium');
select is(pg_temp.flags('disputed'), 'dispute', 'an open dispute is flagged');
select is((select due_at from private.payment_incidents where incident_id = 'dp_1'), pg_temp.at(20), 'a dispute is recorded with its due date');
select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('lost')))), 9);
select is(pg_temp.premium('disputed'), null, 'a lost dispute revokes the subscription of the payment');
select private.change_revocation(s.id, null, false, pg_temp.at(10)) from public.subscriptions as s where s.provider_subscription_id = 'sub_disputed';
select pg_temp.read('disputed', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_disputed', 0, pg_temp.dispute('lost')))), 11);
select is(pg_temp.premium('disputed'), '2026-04-04 12:00Z', 'a lost dispute does not revoke a reinstated subscription again');

select pg_temp.read('won', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_won', 0, replace(pg_temp.dispute('won')::text, 'dp_1', 'dp_2')::jsonb))), 9);
select is(pg_temp.premium('won'), '2026-04-04 12:00Z', 'a dispute that is won does not change premium');

-- ------------------------------------------------------------------ out of order

select pg_temp.read('overtaken', '{}', 0, 1000);
select pg_temp.read('overtaken', jsonb_build_object('status', 'canceled', 'ended_at', pg_temp.at(1)), 2, 999);
select is(pg_temp.premium('overtaken'), '2026-04-04 12:00Z', 'an older read does not overwrite a newer one');

-- --------------------------------------------------------------------- two at once

select is(pg_temp.flags('payer'), 'second_subscription', 'a second running subscription is flagged');
select pg_temp.read('payer', jsonb_build_object('id', 'sub_payer_2', 'status', 'canceled', 'payments', '[]'::jsonb));
select is(pg_temp.flags('payer'), null, 'the flag is resolved when one of the two subscriptions ends');

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

select is(pg_temp.paypal('thief', 'I-OWN') ->> 'outcome', 'ignored', 'PayPal: a subscription that the buyer has created is ignored');
select is(pg_temp.premium('thief'), null, 'PayPal: a subscription that the buyer has created does not entitle');
select is(pg_temp.paypal('other', 'I-OWN') ->> 'outcome', 'ignored', 'PayPal: a subscription with another user''s id is ignored');
select is(pg_temp.flags('other'), null, 'PayPal: a subscription with another user''s id does not flag that user');

select pg_temp.order_paypal('thief', 'I-CENT');
select pg_temp.paypal('thief', 'I-CENT', '{"plan_overridden": true}');
select is(pg_temp.premium('thief'), null, 'PayPal: our subscription with an overridden plan does not entitle');
select is(pg_temp.flags('thief'), 'paypal_not_believed', 'PayPal: our subscription with an overridden plan is flagged');
select is(pg_temp.credits('thief'), 5, 'PayPal: our subscription with an overridden plan grants no credits');
select pg_temp.paypal('thief', 'I-CENT', jsonb_build_object('started_at', pg_temp.at(3650)));
select is(pg_temp.premium('thief'), null, 'PayPal: our subscription with a start in ten years does not entitle');
select pg_temp.paypal('thief', 'I-CENT', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null)));
select is(pg_temp.premium('thief'), null, 'PayPal: our subscription with another plan than ordered does not entitle');
select pg_temp.paypal('thief', 'I-CENT', '{"payments": []}');
select is(pg_temp.premium('thief'), null, 'PayPal: our subscription without a payment does not entitle');

select pg_temp.order_paypal('paypal', 'I-GOOD');
select is(
  pg_temp.paypal('paypal', 'I-GOOD', '{"status": "incomplete", "approved": true, "payments": []}') -> 'tasks' -> 0 ->> 'action', 'activate',
  'PayPal: an approved subscription gets the task to activate it'
);
select private.finish_provider_task(t.id, null, pg_temp.at(0)) from private.provider_tasks as t where t.subscription_id = 'I-GOOD';
select pg_temp.paypal('paypal', 'I-GOOD');
select results_eq(
  $$select current_period_start, current_period_end, pg_temp.premium('paypal') from public.subscriptions where provider_subscription_id = 'I-GOOD'$$,
  $$values (pg_temp.at(0), '2026-04-01 12:00Z'::timestamptz, '2026-04-04 12:00Z'::timestamptz)$$, 'PayPal: the period of a subscription is the paid one'
);
select is(pg_temp.credits('paypal'), 105, 'PayPal: a payment grants its credits');
select pg_temp.paypal('paypal', 'I-GOOD', '{"status": "past_due"}', 31);
select is(pg_temp.premium('paypal'), '2026-04-08 12:00Z', 'PayPal: a suspended subscription entitles for seven days from the end of the paid period');

select pg_temp.order_paypal('both', 'I-TRIAL', 'premium_yearly');
select pg_temp.paypal('both', 'I-TRIAL', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null), 'payments', '[]'::jsonb));
select is(pg_temp.premium('both'), null, 'PayPal: a trial without a payment does not entitle');
select pg_temp.paypal('both', 'I-TRIAL', jsonb_build_object('items', pg_temp.item('P-YEAR', null, null), 'payments', '[]'::jsonb, 'status', 'canceled', 'ended_at', pg_temp.at(7)), 7);
select is(pg_temp.premium('both'), null, 'PayPal: a cancelled trial without a payment does not entitle');
select pg_temp.order_paypal('both', 'I-REFUNDED', 'premium_yearly');
select pg_temp.paypal('both', 'I-REFUNDED', jsonb_build_object(
  'items', pg_temp.item('P-YEAR', null, null), 'cancel_at', '2027-03-01 12:00Z', 'payments', jsonb_build_array(pg_temp.paid('T-R', 0, pg_temp.refund(900, 8), 'P-YEAR'))
), 8);
select is(pg_temp.premium('both'), null, 'PayPal: a subscription that is refunded in full and cancelled does not entitle');
select is(
  (select status from public.subscriptions where provider_subscription_id = 'I-REFUNDED'), 'canceled', 'PayPal: a subscription that is refunded in full and cancelled has ended'
);
select isnt(
  (select closed_at from private.known_subscriptions where subscription_id = 'I-REFUNDED'), null, 'PayPal: a subscription that has ended is not read again'
);

-- Both PayPal's and Stripe's checkout are completed.
select pg_temp.order_paypal('both', 'I-SECOND');
select pg_temp.read('both', '{}', 9);
select is(
  pg_temp.paypal('both', 'I-SECOND', '{"status": "incomplete", "approved": true, "payments": []}', 9) -> 'tasks' -> 0 ->> 'action', 'cancel',
  'PayPal: an approved subscription is cancelled if one at Stripe is running'
);

-- ------------------------------------------------------------- deleted accounts

select pg_temp.read('gone');
select pg_temp.order_paypal('studio', 'I-OPEN');
select pg_temp.read('studio');
-- This one is cancelled and refunded: it has ended here, but runs at Stripe until its scheduled end.
select private.apply_subscription(
  pg_temp.snapshot('leaving', jsonb_build_object(
    'cancel_at', now() + interval '1 month', 'payments', jsonb_build_array(pg_temp.paid('in_leaving', 0, pg_temp.refund(900, 1)))
  )), nextval('private.read_numbers'), pg_temp.at(2)
);
delete from auth.users where id in (md5('gone')::uuid, md5('studio')::uuid, md5('leaving')::uuid);
select set_eq(
  $$select subscription_id, action from private.provider_tasks where done_at is null and user_id in (md5('gone')::uuid, md5('studio')::uuid, md5('leaving')::uuid)$$,
  $$values ('sub_gone', 'cancel'), ('sub_studio', 'cancel'), ('sub_leaving', 'cancel'), ('I-OPEN', 'cancel')$$,
  'deleting a user creates tasks to cancel the subscriptions and open approvals'
);
select is(
  pg_temp.paypal('studio', 'I-OPEN', '{"status": "incomplete", "approved": true, "payments": []}') -> 'tasks' -> 0 ->> 'action', 'cancel',
  'an approval after the deletion of its user is cancelled, not activated'
);
select is(pg_temp.read('gone', '{"user_id": null}') ->> 'outcome', 'ignored', 'a read about a deleted user''s customer is ignored');
select is(pg_temp.read('gone', '{"customer_id": "cus_new"}') ->> 'outcome', 'ignored', 'a read whose metadata names a deleted user is ignored');
select is_empty($$select from private.billing_flags where reference = 'in_gone'$$, 'a payment from before the deletion is not flagged');
select is(
  pg_temp.read('gone', jsonb_build_object('cancel_at', pg_temp.at(9))) -> 'tasks', '[]'::jsonb, 'a deleted user''s subscription that is scheduled to end is not cancelled again'
);
select private.apply_subscription(
  pg_temp.snapshot('gone', jsonb_build_object('payments', jsonb_build_array(pg_temp.paid('in_late', 0) || jsonb_build_object('paid_at', now() + interval '1 day')))),
  nextval('private.read_numbers'), now() + interval '1 day'
);
select is(pg_temp.flags('gone'), 'money_without_account', 'a payment for a deleted user is flagged');
select is(
  (select jsonb_array_length(public.open_provider_tasks())), (select count(*)::integer from private.provider_tasks where done_at is null),
  'open tasks are listed'
);
select public.finish_provider_task(t.id, 'Stripe did not answer.') from private.provider_tasks as t where t.subscription_id = 'sub_gone';
select is(
  (select attempts from private.provider_tasks where subscription_id = 'sub_gone'), 1, 'a failed attempt of a task is counted'
);

-- ---------------------------------------------------------------- lost events

select pg_temp.read('unpaid');
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', nextval('private.read_numbers'), pg_temp.at(5));
select results_eq(
  $$select status, ended_at, pg_temp.premium('unpaid') from public.subscriptions where provider_subscription_id = 'sub_unpaid'$$,
  $$values ('canceled', pg_temp.at(5), null::timestamptz)$$, 'a subscription that the provider does not have any more has ended'
);
select pg_temp.read('unpaid', '{"status": "unpaid"}', 6, 1900000000000000);
select throws_ok(
  $$select private.begin_checkout(md5('unpaid')::uuid, 'stripe', 'f', 'premium_monthly', null, 'xts', false, pg_temp.at(6))$$,
  'PT409', null, 'a user with an unpaid subscription cannot buy a second one'
);
select pg_temp.read('unpaid', '{}', 6, 2000000000000000);
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', 1999999999999999, pg_temp.at(7));
select is((select status from public.subscriptions where provider_subscription_id = 'sub_unpaid'), 'active', 'an older read that did not find the subscription changes nothing');
select private.apply_subscription('{"provider": "stripe", "id": "sub_unpaid", "missing": true, "livemode": false}', 2000000000000001, pg_temp.at(7));
select lives_ok(
  $$select private.begin_checkout(md5('unpaid')::uuid, 'stripe', 'f', 'premium_monthly', null, 'xts', false, pg_temp.at(6))$$,
  'a user whose subscription the provider does not have any more can buy again'
);

-- ------------------------------------------------------------------- an operator

select is(
  public.grant_premium(md5('manual')::uuid, 'premium_yearly', now() + interval '1 year') -> 'is_premium', 'true'::jsonb, 'an operator can grant premium'
);
select is(pg_temp.premium('manual'), now() + interval '1 year', 'granted premium ends at the given time');
select is((private.plan_of(md5('manual')::uuid)).plan_type, 'premium_yearly', 'granted premium has the plan''s limits');
select is(pg_temp.credits('manual'), 5, 'granted premium grants no monthly credits');
select is(public.grant_premium(md5('manual')::uuid, 'premium_yearly', now()) -> 'is_premium', 'false'::jsonb, 'an operator can end granted premium');
select throws_ok($$select public.grant_premium(md5('manual')::uuid, 'free', now())$$, 'PT422', null, 'granting a plan that is not premium is refused');
select throws_ok($$select public.grant_premium(md5('nobody')::uuid, 'premium_yearly', now())$$, 'PT404', null, 'granting premium to an unknown user is refused');

select is(
  public.diagnose_account('  OTHER@billing.test ') -> 'user' ->> 'id', md5('other')::uuid::text, 'an account can be diagnosed by its email, without regard to case and space'
);
select is(public.diagnose_account('other@billing.test') -> 'ledger' -> 'agrees', 'true'::jsonb, 'a diagnosis includes the ledger check');
select throws_ok($$select public.diagnose_account('nobody@billing.test')$$, 'PT404', null, 'diagnosing an unknown email is refused');

select is_empty($$select * from private.check_ledger()$$, 'all ledgers add up at the end');

select * from finish();

rollback;

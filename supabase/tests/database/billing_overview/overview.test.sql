-- The billing overview: business figures, and the list of what needs attention.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@overview.test'
from unnest(array['monthly', 'yearly', 'forever', 'amount', 'trial', 'late', 'euro', 'gone', 'granted', 'twice', 'revoked', 'unheard', 'ledger']) as who;

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, interval_count)
values
  ('stripe', 'price_m', 'premium_monthly', 'xts', 901, 'month', 1),
  ('stripe', 'price_q', 'premium_monthly', 'xts', 2500, 'month', 3),
  ('stripe', 'price_y', 'premium_yearly', 'xts', 9001, 'year', 1),
  ('stripe', 'price_x', 'premium_monthly', 'xxx', 700, 'month', 1);

-- The figures that data of other tests already adds up to.
create temporary table before as select public.billing_overview() as o;

create function pg_temp.apply(who text, price text, changes jsonb default '{}', as_of timestamptz default now()) returns jsonb language sql as $$
  select private.apply_read(
    jsonb_build_array(jsonb_build_object(
      'provider', 'stripe', 'id', 'sub_' || who, 'customer_id', 'cus_' || who, 'user_id', md5(who)::uuid, 'livemode', false,
      'status', 'active', 'started_at', now() - interval '1 day',
      'items', jsonb_build_array(jsonb_build_object('price_id', price, 'start', now() - interval '1 day', 'end', now() + interval '29 days'))
    ) || changes),
    nextval('private.read_numbers'), '[]', as_of
  ) -> 'results' -> 0 -> 'outcome'
$$;

create function pg_temp.currency(name text) returns jsonb language sql as $$
  select c.value - 'currency' from jsonb_array_elements(public.billing_overview() -> 'by_currency') as c where c.value ->> 'currency' = name
$$;
create function pg_temp.plus(name text) returns numeric language sql as $$
  select (public.billing_overview() ->> name)::numeric - (select (o ->> name)::numeric from before)
$$;
-- The kinds of the items about a user or a reference.
create function pg_temp.kinds(about text) returns text[] language sql as $$
  select coalesce(array_agg(a.kind order by a.kind), '{}')
  from private.attention(now(), '-infinity', '', 1000) as a
  where a.user_id = md5(about)::uuid or a.reference = about
$$;

-- --------------------------------------------------------------------- figures

select is(pg_temp.apply('monthly', 'price_m'), '"processed"', 'a subscription is applied');
select is(pg_temp.currency('xts'), '{"mrr": 901, "active": 1, "trialing": 0, "past_due": 0}', 'a monthly price counts fully');
select pg_temp.apply('yearly', 'price_y');
-- 901 + 9001 / 12 = 1651.08
select is(pg_temp.currency('xts') -> 'mrr', '1651', 'a yearly price counts a twelfth');
select pg_temp.apply('yearly', 'price_q');
-- 901 + 2500 / 3 = 1734.33
select is(pg_temp.currency('xts') -> 'mrr', '1734', 'a quarterly price counts a third');
select pg_temp.apply('yearly', 'price_y', '{"discount": {"percent": 50, "amount": 0}}');
-- 901 + 9001 / 24 = 1276.04
select is(pg_temp.currency('xts') -> 'mrr', '1276', 'a recurring discount is subtracted');
select pg_temp.apply('yearly', 'price_y', '{"discount": {"percent": 50, "amount": 600}}');
select is(pg_temp.currency('xts') -> 'mrr', '1226', 'a recurring discount in money is subtracted once a period');
select pg_temp.apply('yearly', 'price_y', '{"discount": {"percent": 100, "amount": 600}}');
select is(pg_temp.currency('xts') -> 'mrr', '901', 'a discount does not make the revenue negative');
select pg_temp.apply('yearly', 'price_y');
select is(pg_temp.currency('xts') -> 'mrr', '1651', 'a discount that has ended no longer counts');

select pg_temp.apply('trial', 'price_m', '{"status": "trialing"}');
select is(pg_temp.currency('xts'), '{"mrr": 1651, "active": 2, "trialing": 1, "past_due": 0}', 'a trial adds no revenue');
select pg_temp.apply('late', 'price_m', '{"status": "past_due"}');
select is(pg_temp.currency('xts'), '{"mrr": 2552, "active": 2, "trialing": 1, "past_due": 1}', 'a subscription that is past due adds revenue');
select pg_temp.apply('euro', 'price_x');
select is(pg_temp.currency('xxx'), '{"mrr": 700, "active": 1, "trialing": 0, "past_due": 0}', 'another currency has its own figures');
select is(pg_temp.currency('xts') -> 'mrr', '2552', 'revenue in another currency is not added');
select is(pg_temp.plus('new_30d'), 5::numeric, 'subscriptions of the last 30 days are new');

select pg_temp.apply('gone', 'price_m', jsonb_build_object('started_at', now() - interval '31 days'));
select is(pg_temp.plus('new_30d'), 5::numeric, 'a subscription that began before is not new, even if it was read later');
select pg_temp.apply('gone', 'price_m', jsonb_build_object('status', 'canceled', 'ended_at', now() - interval '1 hour'));
select is(pg_temp.currency('xts') -> 'active', '2', 'a subscription that has ended is not active');
select is(pg_temp.plus('ended_30d'), 1::numeric, 'a subscription that has ended is counted as ended');
select pg_temp.apply('gone', 'price_m', jsonb_build_object('status', 'canceled', 'ended_at', now() - interval '31 days'));
select is(pg_temp.plus('ended_30d'), 0::numeric, 'a subscription is counted as ended for 30 days');

select public.grant_premium(md5('granted')::uuid, 'premium_monthly', now() + interval '1 year');
select is(
  (select p.value from jsonb_array_elements(public.billing_overview() -> 'by_plan') as p where p.value ->> 'plan_type' = 'premium_monthly'),
  jsonb_build_object(
    'plan_type', 'premium_monthly', 'active', 2, 'trialing', 1, 'past_due', 1, 'manual', 1 + coalesce(
      (select (p.value ->> 'manual')::integer from before, jsonb_array_elements(o -> 'by_plan') as p where p.value ->> 'plan_type' = 'premium_monthly'), 0
    )
  ), 'premium that an operator granted counts for the plan, but not for revenue'
);
select is(pg_temp.plus('credits_outstanding'), 0::numeric, 'subscriptions without payments add no outstanding credits');
select public.grant_credits(md5('monthly')::uuid, 70);
select is(pg_temp.plus('credits_outstanding'), 70::numeric, 'outstanding credits are the sum of all balances');

select private.record_webhook_event(
  'stripe', 'evt_failed_' || n, 'invoice.payment_failed', now(), false, '{"data": {"object": {"id": "in_failed", "object": "invoice"}}}',
  '{"kind": "snapshots", "snapshots": []}', nextval('private.read_numbers'), now()
)
from generate_series(1, 3) as n;
select is(pg_temp.plus('failed_payments_30d'), 1::numeric, 'three failed attempts for one invoice count as one failed payment');
select is(public.billing_overview() -> 'last_webhook_age_s', '0', 'the last webhook was now');

select pg_temp.apply('monthly', 'price_m', jsonb_build_object('payments', jsonb_build_array(jsonb_build_object(
  'id', 'in_1', 'paid_at', now() - interval '1 day', 'currency', 'xts', 'amount', 901,
  'lines', jsonb_build_array(jsonb_build_object('price_id', 'price_m', 'from', now() - interval '1 day', 'through', now() + interval '29 days', 'proration', false)),
  'refunds', jsonb_build_array(jsonb_build_object('id', 're_1', 'amount', 100, 'currency', 'xts', 'status', 'succeeded', 'reason', null, 'created_at', now())),
  'disputes', jsonb_build_array(jsonb_build_object(
    'id', 'dp_1', 'amount', 901, 'currency', 'xts', 'status', 'needs_response', 'reason', 'fraudulent', 'created_at', now(), 'due_at', '2030-05-06T07:08:00Z'
  ))
))));
select is(pg_temp.plus('refunded_30d'), 1::numeric, 'a refund is counted');
select is(pg_temp.plus('disputed_30d'), 1::numeric, 'a dispute is counted');

-- ------------------------------------------------------------------- attention

select is(pg_temp.kinds('re_1'), '{refund}', 'a refund is listed');
select is(pg_temp.kinds('dp_1'), '{dispute}', 'a dispute is listed');
select matches(
  (select reason from private.attention(now(), '-infinity', '', 1000) where reference = 'dp_1'),
  'to be answered by 2030-05-06 07:08 UTC', 'a dispute is listed with its due date'
);
select is_empty($$select from private.attention(now(), '-infinity', '', 1000) where reason is null or remedy is null or since is null$$, 'every item has a reason and a remedy');
select is(public.dismiss_billing_attention('refund', 'stripe', 're_1'), '{"dismissed": true}', 'an item can be dismissed');
select is(pg_temp.kinds('re_1'), '{}', 'a dismissed item is not listed');
select is(public.dismiss_billing_attention('refund', 'stripe', 're_1'), '{"dismissed": false}', 'dismissing an item again returns false');

select private.record_webhook_event(
  'stripe', 'evt_parked', 'customer.subscription.updated', now(), false, '{}',
  jsonb_build_object('kind', 'subscription', 'snapshot', jsonb_build_object(
    'provider', 'stripe', 'id', 'sub_nobody', 'customer_id', 'cus_nobody', 'status', 'active', 'livemode', false,
    'items', jsonb_build_array(jsonb_build_object('price_id', 'price_m', 'start', now(), 'end', now() + interval '1 month'))
  )), nextval('private.read_numbers'), now()
);
select is(pg_temp.kinds('evt_parked'), '{parked_event}', 'a parked event is listed');
select is(pg_temp.kinds('cus_nobody'), '{unlinked_customer}', 'the customer of a parked event is listed as unlinked');
update private.webhook_events set status = 'abandoned' where event_id = 'evt_parked';
select is(pg_temp.kinds('evt_parked') || pg_temp.kinds('cus_nobody'), '{abandoned_event,unlinked_customer}', 'an abandoned event and its unlinked customer are listed');
select is(public.dismiss_billing_attention('abandoned_event', 'stripe', 'evt_parked'), '{"dismissed": true}', 'an abandoned event can be dismissed');
select is(pg_temp.kinds('evt_parked') || pg_temp.kinds('cus_nobody'), '{}', 'dismissing an abandoned event dismisses its customer');

select public.fail_webhook_event('stripe', 'evt_failed', 'invoice.paid', now(), false, '{}', 'The provider did not answer.');
select is(pg_temp.kinds('evt_failed'), '{failed_event}', 'a failed event is listed');

select pg_temp.apply('twice', 'price_m');
select pg_temp.apply('twice', 'price_m', '{"id": "sub_again"}');
select is(pg_temp.kinds('twice'), '{second_subscription}', 'two running subscriptions are listed');
select pg_temp.apply('twice', 'price_m', '{"id": "sub_again", "status": "canceled"}');
select is(pg_temp.kinds('twice'), '{}', 'two subscriptions are not listed after one has ended');

-- A pack that was spent and refunded.
insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount) values ('stripe', 'price_pack', 'credits_100', 'xts', 500);
create function pg_temp.purchase(refunds jsonb) returns jsonb language sql as $$
  select private.apply_read('[]', nextval('private.read_numbers'), jsonb_build_array(jsonb_build_object(
    'provider', 'stripe', 'session_id', 'cs_pack', 'customer_id', 'cus_yearly', 'user_id', md5('yearly')::uuid, 'livemode', false, 'status', 'paid',
    'items', '[{"price_id": "price_pack", "quantity": 1}]'::jsonb,
    'payment', jsonb_build_object('id', 'pi_pack', 'paid_at', now(), 'currency', 'xts', 'amount', 500, 'lines', '[]'::jsonb, 'refunds', refunds, 'disputes', '[]'::jsonb)
  )), now())
$$;
select pg_temp.purchase('[]');
select public.charge_credits(md5('yearly')::uuid, 105, 'spent');
select pg_temp.purchase(jsonb_build_array(jsonb_build_object('id', 're_pack', 'amount', 500, 'currency', 'xts', 'status', 'succeeded', 'reason', null, 'created_at', now())));
select is(pg_temp.kinds('pi_pack'), '{credits_not_taken}', 'credits of a pack that could not be taken back are listed');

-- A payment of a deleted account.
delete from auth.users where id = md5('gone')::uuid;
select pg_temp.apply('gone', 'price_m', jsonb_build_object('payments', jsonb_build_array(jsonb_build_object(
  'id', 'in_gone', 'paid_at', now() + interval '1 minute', 'currency', 'xts', 'amount', 901, 'lines', '[]'::jsonb
))));
select is(pg_temp.kinds('in_gone'), '{money_without_account}', 'a payment without an account is listed');
select is(pg_temp.kinds('sub_gone'), '{}', 'a task to cancel a subscription is not listed for 15 minutes');
update private.provider_tasks set requested_at = now() - interval '16 minutes' where subscription_id = 'sub_gone';
select is(pg_temp.kinds('sub_gone'), '{provider_task}', 'a task that is open for more than 15 minutes is listed');

select public.revoke_subscription((select id from public.subscriptions where provider_subscription_id = 'sub_euro'), 'Fraud');
select is(pg_temp.kinds('sub_euro'), '{revoked_subscription}', 'a revoked subscription that is still charged is listed');
select pg_temp.apply('euro', 'price_x', jsonb_build_object('cancel_at', now() + interval '29 days'));
select is(pg_temp.kinds('sub_euro'), '{}', 'a revoked subscription is not listed after it is cancelled at the provider');

-- Events of live payments, which the functions cannot read because they have the keys of the test mode.
select public.record_webhook_event('stripe', 'evt_live', 'invoice.paid', now(), true, '{}', '{"kind": "ignored", "reason": "Of the other mode.", "other_mode": "live"}', 1);
select is(pg_temp.kinds('live'), '{other_mode}', 'events of the other mode are listed');
select is(public.dismiss_billing_attention('other_mode', 'stripe', 'live'), '{"dismissed": true}', 'events of the other mode can be dismissed');
select public.record_webhook_event('stripe', 'evt_live_2', 'invoice.paid', now(), true, '{}', '{"kind": "ignored", "reason": "Of the other mode.", "other_mode": "live"}', 2);
select is(pg_temp.kinds('live'), '{other_mode}', 'events of the other mode are listed again when new ones arrive');
select public.dismiss_billing_attention('other_mode', 'stripe', 'live');

-- Renewals without an event.
create function pg_temp.ended(ago interval) returns jsonb language sql as $$
  select jsonb_build_object('items', jsonb_build_array(jsonb_build_object('price_id', 'price_m', 'start', now() - ago - interval '30 days', 'end', now() - ago)))
$$;
select pg_temp.apply('unheard', 'price_m', pg_temp.ended('71 hours'));
select is(pg_temp.kinds('sub_unheard'), '{}', 'a renewal without an event is not listed for three days');
select pg_temp.apply('unheard', 'price_m', pg_temp.ended('73 hours'));
select is(pg_temp.kinds('sub_unheard'), '{renewal_unheard}', 'a renewal without an event for more than three days is listed');
select is(pg_temp.kinds('stripe'), '{}', 'the webhook is not silent while other events arrive');
update private.webhook_events set received_at = now() - interval '80 hours' where provider = 'stripe';
select is(pg_temp.kinds('stripe'), '{webhook_silent}', 'the webhook is silent if a renewal is due and no event has arrived');
select pg_temp.apply('unheard', 'price_m', pg_temp.ended('73 hours') || '{"status": "past_due"}');
select is(pg_temp.kinds('stripe') || pg_temp.kinds('sub_unheard'), '{}', 'a subscription that is past due is not listed as a missing renewal');
delete from private.webhook_events where provider = 'stripe';
select is(pg_temp.kinds('stripe'), '{}', 'a webhook without any event is not silent within an hour of the first purchase');
update public.subscriptions set created_at = now() - interval '61 minutes' where provider_subscription_id = 'sub_monthly';
select is(pg_temp.kinds('stripe'), '{webhook_silent}', 'a webhook without any event is silent after that hour');
select is(public.billing_overview() -> 'last_webhook_age_s', 'null', 'a webhook without any event has no age');

-- The sweep.
select private.sweep(now());
select is(pg_temp.kinds('sweep'), '{}', 'a sweep that runs is not listed');
select is(public.billing_overview() -> 'sweep_age_s', '0', 'the age of a sweep that has just run is 0');
update private.sweep_state set swept_at = now() - interval '16 minutes';
select is(pg_temp.kinds('sweep'), '{sweep_silent}', 'a sweep that has not run for 15 minutes is listed');
select is(public.billing_overview() -> 'sweep_age_s', '960', 'the overview has the age of the last sweep');
update private.sweep_state set swept_at = null, installed_at = now() - interval '1 hour';
select is(pg_temp.kinds('sweep'), '{sweep_silent}', 'a sweep that has never run is listed');
update private.sweep_state set swept_at = now();
update public.subscriptions set next_grant_at = now() - interval '61 minutes' where provider_subscription_id = 'sub_monthly';
select is(pg_temp.kinds('sweep'), '{sweep_behind}', 'a sweep that does not keep up is listed');

-- The ledger.
update public.users set credits = credits + 1 where id = md5('ledger')::uuid;
update private.sweep_state
set user_id = coalesce((select max(u.id::text)::uuid from public.users as u where u.id < md5('ledger')::uuid), '00000000-0000-0000-0000-000000000000');
select private.sweep(now());
select is(pg_temp.kinds('ledger'), '{ledger_disagreement}', 'a ledger that disagrees is listed');
update public.users set credits = credits - 1 where id = md5('ledger')::uuid;
select private.sweep(now());
select is(pg_temp.kinds('ledger'), '{}', 'a ledger that adds up again is not listed');

-- ---------------------------------------------------------------------- paging

insert into private.billing_flags (kind, provider, reference, reason, since)
select 'refund', 'stripe', 're_page_' || n, 'Many.', timestamptz '2020-01-01 00:00Z' + n / 3 * interval '1 microsecond'
from generate_series(1, 25) as n;

create function pg_temp.pages(page_size integer) returns text[] language plpgsql as $$
declare
  v_page jsonb;
  v_cursor text;
  v_all text[] := '{}';
begin
  for n in 1 .. 100 loop
    v_page := public.billing_attention(page_size, v_cursor);
    v_all := v_all || array(select i.value ->> 'reference' from jsonb_array_elements(v_page -> 'items') as i);
    v_cursor := v_page ->> 'next_cursor';
    exit when v_cursor is null;
  end loop;
  return v_all;
end;
$$;
create temporary table whole as
select array_agg(a.reference order by a.since, a.key collate "C") as items from private.attention(now(), '-infinity', '', 1000) as a;
select is(pg_temp.pages(1), (select items from whole), 'pages of one item contain every item once, in order');
select is(pg_temp.pages(7), (select items from whole), 'pages of seven items contain every item once, in order');
select is(jsonb_array_length(public.billing_attention() -> 'items'), 20, 'a page has 20 items by default');
select throws_ok($$select public.billing_attention(0)$$, 'PT422', null, 'a page size of 0 is refused');
select throws_ok($$select public.billing_attention(101)$$, 'PT422', null, 'a page size of more than 100 is refused');
select throws_ok($$select public.billing_attention(null, 'nonsense')$$, 'PT422', null, 'an invalid cursor is refused');
select is(
  public.billing_health() -> 'attention', to_jsonb((select cardinality(items) from whole)), 'billing_health counts the items'
);

select * from finish();

rollback;

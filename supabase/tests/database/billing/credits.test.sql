-- Credits of subscriptions and packs: each month grants the right number, in whatever order, how often and how late events
-- arrive.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- A time zone other than UTC, with summer time: no rule may depend on the time zone.
set local time zone 'America/New_York';

insert into public.plans (plan_type, name, is_premium, monthly_credits, max_versions)
values ('pro_monthly', 'Pro, monthly', true, 1000, 500), ('pro_yearly', 'Pro, yearly', true, 1000, 500);

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, interval_count)
values
  ('stripe', 'basic_m', 'premium_monthly', 'xts', 900, 'month', 1),
  ('stripe', 'basic_q', 'premium_monthly', 'xts', 2500, 'month', 3),
  ('stripe', 'basic_y', 'premium_yearly', 'xts', 9000, 'year', 1),
  ('stripe', 'pro_m', 'pro_monthly', 'xts', 4900, 'month', 1),
  ('stripe', 'pro_y', 'pro_yearly', 'xts', 49000, 'year', 1);

create function pg_temp.user(who text) returns uuid language sql as $$
  insert into auth.users (id, aud, role, email) values (md5(who)::uuid, 'authenticated', 'authenticated', who || '@credits.test');
  select md5(who)::uuid;
$$;

create function pg_temp.line(price text, starts timestamptz, ends timestamptz, proration boolean default false) returns jsonb language sql as $$
  select jsonb_build_object('price_id', price, 'from', starts, 'through', ends, 'proration', proration)
$$;

-- A payment with lines, at a time.
create function pg_temp.paid(id text, paid_at timestamptz, lines jsonb, amount integer default 900, more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object('id', id, 'paid_at', paid_at, 'currency', 'xts', 'amount', amount, 'lines', lines) || more
$$;

-- Applies a read at a time, with one item and the given payments.
create function pg_temp.read(who text, as_of timestamptz, price text, starts timestamptz, ends timestamptz, payments jsonb, changes jsonb default '{}')
returns text
language sql
as $$
  select private.apply_subscription(
    jsonb_build_object(
      'provider', 'stripe', 'id', 'sub_' || who, 'customer_id', 'cus_' || who, 'user_id', md5(who)::uuid, 'livemode', false, 'status', 'active',
      'items', jsonb_build_array(jsonb_build_object('price_id', price, 'start', starts, 'end', ends)), 'payments', payments
    ) || changes,
    nextval('private.read_numbers'), as_of
  ) ->> 'outcome'
$$;

-- Runs the sweep once a day from one time to another.
create function pg_temp.sweep(starts timestamptz, ends timestamptz) returns void language plpgsql as $$
begin
  while starts <= ends loop
    perform private.sweep_subscriptions(100, starts);
    starts := starts + interval '24 hours';
  end loop;
end;
$$;

-- Credits beyond the opening ones.
create function pg_temp.granted(who text) returns integer language sql as $$ select credits - 5 from public.users where id = md5(who)::uuid $$;
create function pg_temp.months(who text) returns text language sql as $$
  select string_agg(to_char(g.month_start at time zone 'UTC', 'MM-DD'), ' ' order by g.month_start)
  from private.granted_months as g
  join public.subscriptions as s on s.id = g.subscription_id
  where s.user_id = md5(who)::uuid
$$;

-- ------------------------------------------------------------------ by the month

select pg_temp.user('monthly');
select pg_temp.read('monthly', '2026-01-31 10:00Z', 'basic_m', '2026-01-31 10:00Z', '2026-02-28 10:00Z', '[]');
select is(pg_temp.granted('monthly'), 0, 'no credits are granted before a payment');
select pg_temp.read('monthly', '2026-01-31 10:00Z', 'basic_m', '2026-01-31 10:00Z', '2026-02-28 10:00Z', jsonb_build_array(
  pg_temp.paid('m1', '2026-01-31 10:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-31 10:00Z', '2026-02-28 10:00Z')))
));
select is(pg_temp.granted('monthly'), 100, 'a paid month grants the plan''s credits');
-- One year from the 31st on; Stripe's periods end on the last day of shorter months.
select pg_temp.read('monthly', s, 'basic_m', s, s + interval '1 month', jsonb_build_array(
  pg_temp.paid('m_' || s, s, jsonb_build_array(pg_temp.line('basic_m', s, (('2026-01-31 10:00'::timestamp + make_interval(months => k + 1)) at time zone 'UTC'))))
))
from generate_series(1, 11) as k, lateral (select ('2026-01-31 10:00'::timestamp + make_interval(months => k)) at time zone 'UTC' as s) as x;
select pg_temp.sweep('2026-02-01 10:00Z', '2027-01-31 09:00Z');
select is(pg_temp.granted('monthly'), 1200, 'a subscription from the 31st on grants once in each paid month, twelve times in a year');

select pg_temp.user('quarter');
select pg_temp.read('quarter', '2026-01-30 00:00Z', 'basic_q', '2026-01-30 00:00Z', '2026-04-30 00:00Z', jsonb_build_array(
  pg_temp.paid('q1', '2026-01-30 00:00Z', jsonb_build_array(pg_temp.line('basic_q', '2026-01-30 00:00Z', '2026-04-30 00:00Z')))
));
select pg_temp.sweep('2026-01-30 00:00Z', '2026-04-29 00:00Z');
select is(pg_temp.months('quarter'), '01-30 02-28 03-30', 'a price for three months grants three, counted from the start and clamped to the month''s end');

-- ------------------------------------------------------------------- by the year

select pg_temp.user('leap');
select pg_temp.read('leap', '2028-02-29 23:30Z', 'basic_y', '2028-02-29 23:30Z', '2029-02-28 23:30Z', jsonb_build_array(
  pg_temp.paid('l1', '2028-02-29 23:30Z', jsonb_build_array(pg_temp.line('basic_y', '2028-02-29 23:30Z', '2029-02-28 23:30Z')))
));
select is(
  (select next_grant_at from public.subscriptions where provider_subscription_id = 'sub_leap'), '2028-03-29 23:30Z', 'the time of the next grant is stored'
);
select pg_temp.sweep('2028-02-29 23:30Z', '2029-02-28 22:00Z');
select is(
  pg_temp.months('leap'), '02-29 03-29 04-29 05-29 06-29 07-29 08-29 09-29 10-29 11-29 12-29 01-29',
  'a year that starts on a leap day grants exactly twelve months, in UTC over both ends of summer time'
);
select is(pg_temp.granted('leap'), 1200, 'twelve months grant twelve times the plan''s credits');
select is(
  (select next_grant_at from public.subscriptions where provider_subscription_id = 'sub_leap'), null, 'after the last month no grant is due until the next payment'
);

select pg_temp.user('late');
select pg_temp.read('late', '2026-07-01 00:00Z', 'basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z', jsonb_build_array(
  pg_temp.paid('y1', '2026-01-15 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z')))
));
select is(pg_temp.granted('late'), 600, 'a year whose event arrives late grants the months that have begun');

select pg_temp.user('overdue');
select pg_temp.read('overdue', '2026-04-20 00:00Z', 'basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z', jsonb_build_array(
  pg_temp.paid('o1', '2026-03-20 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z')))
));
select is(pg_temp.months('overdue'), '01-15 04-15', 'a month that began while the year was unpaid grants nothing');

-- ---------------------------------------------------------- changes of the plan

-- An upgrade within a year, on day 40.
select pg_temp.user('up');
select pg_temp.read('up', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('u1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.sweep('2026-01-01 00:00Z', '2026-02-10 00:00Z');
select pg_temp.read('up', '2026-02-10 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', '[]');
select is(pg_temp.granted('up'), 100 + 1000, 'an upgrade within a year grants the difference for the running month at once');
select pg_temp.sweep('2026-02-10 00:00Z', '2026-03-02 00:00Z');
select is(pg_temp.granted('up'), 100 + 1000 + 1000, 'an upgrade within a year grants the new plan''s credits from the next month on');

-- The same upgrade, whose event arrives a month later and is read from the invoice's lines.
select pg_temp.user('up_late');
select pg_temp.read('up_late', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ul1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.sweep('2026-01-01 00:00Z', '2026-03-02 00:00Z');
select pg_temp.read('up_late', '2026-03-02 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ul2', '2026-02-10 00:00Z', jsonb_build_array(pg_temp.line('pro_y', '2026-02-10 00:00Z', '2027-01-01 00:00Z', true)), 35000)
));
select is(pg_temp.granted('up_late'), pg_temp.granted('up'), 'an upgrade grants the same credits when its event arrives late');

-- A downgrade within a year.
select pg_temp.user('down');
select pg_temp.read('down', '2026-01-01 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('d1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.read('down', '2026-01-15 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', '[]');
select is(pg_temp.granted('down'), 1000, 'a downgrade within a year takes nothing back');
select pg_temp.sweep('2026-01-15 00:00Z', '2026-02-20 00:00Z');
select is(pg_temp.granted('down'), 1100, 'a downgrade within a year grants the new plan''s credits in the next month');

-- Many changes within one month.
select pg_temp.user('fro');
select pg_temp.read('fro', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('f1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select pg_temp.read('fro', '2026-01-01 00:00Z'::timestamptz + k * interval '1 day', case when k % 2 = 1 then 'pro_m' else 'basic_m' end, '2026-01-01 00:00Z', '2026-02-01 00:00Z', '[]')
from generate_series(1, 9) as k;
select is(pg_temp.granted('fro'), 1000, 'a month grants no more than its highest plan, whatever the number of changes');

-- From monthly to yearly on day 26.
select pg_temp.user('interval');
select pg_temp.read('interval', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('i1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select pg_temp.read('interval', '2026-01-27 00:00Z', 'basic_y', '2026-01-27 00:00Z', '2027-01-27 00:00Z', '[]');
select is(pg_temp.granted('interval'), 100, 'a change from monthly to yearly grants nothing before the year is paid');
select pg_temp.read('interval', '2026-01-27 00:00Z', 'basic_y', '2026-01-27 00:00Z', '2027-01-27 00:00Z', jsonb_build_array(
  pg_temp.paid('i2', '2026-01-27 00:00Z', jsonb_build_array(
    pg_temp.line('basic_y', '2026-01-27 00:00Z', '2027-01-27 00:00Z')
  ), 8800)
));
select is(pg_temp.granted('interval'), 200, 'a change from monthly to yearly begins a new paid period, with its own first month');
select pg_temp.sweep('2026-01-27 00:00Z', '2026-03-01 00:00Z');
select is(pg_temp.months('interval'), '01-01 01-27 02-27', 'the months of the new period are counted from its start');

-- From yearly to monthly: the year's later months end.
select pg_temp.user('shorter');
select pg_temp.read('shorter', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('s1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.read('shorter', '2026-01-20 00:00Z', 'basic_m', '2026-01-20 00:00Z', '2026-02-20 00:00Z', jsonb_build_array(
  pg_temp.paid('s2', '2026-01-20 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-20 00:00Z', '2026-02-20 00:00Z')))
));
select pg_temp.sweep('2026-01-20 00:00Z', '2026-04-01 00:00Z');
select is(pg_temp.months('shorter'), '01-01 01-20', 'after a change from yearly to monthly the remaining months of the year grant nothing');

-- ------------------------------------------------------ what counts as paid

select pg_temp.user('free');
select pg_temp.read('free', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('free1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')), 0)
));
select is(pg_temp.granted('free'), 100, 'an invoice with a discount of 100 % counts as paid');

select pg_temp.user('trial');
select pg_temp.read('trial', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-01-08 00:00Z', '[]', '{"status": "trialing", "trial_end": "2026-01-08T00:00:00Z"}');
select is(pg_temp.granted('trial'), 0, 'a trial grants no credits');
select ok(private.person_used('trial', md5('trial')::uuid) and not private.person_used('trial', md5('free')::uuid), 'a trial is recorded for its user');

select pg_temp.user('foreign');
select pg_temp.read('foreign', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('fo1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('another_product', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select is(pg_temp.granted('foreign'), 0, 'a payment for another product grants nothing');

-- -------------------------------------------------- unpaid, ended, refunded, revoked

select pg_temp.user('unpaid');
select pg_temp.read('unpaid', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('un1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.read('unpaid', '2026-01-20 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', '[]', '{"status": "unpaid"}');
select pg_temp.sweep('2026-01-20 00:00Z', '2026-08-10 00:00Z');
select is(pg_temp.granted('unpaid'), 100, 'an unpaid subscription grants no credits');
-- Paid on June 20th; the event arrives in August.
select pg_temp.read('unpaid', '2026-08-10 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('un2', '2026-06-20 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-10 00:00Z', '2027-01-01 00:00Z', true)), 3)
));
select is(pg_temp.months('unpaid'), '01-01 07-01 08-01', 'a payment of an unpaid subscription grants the months that begin after it, even if its event is late');

select pg_temp.user('ended');
select pg_temp.read('ended', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('e1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.read('ended', '2026-03-20 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', '[]', '{"status": "canceled", "ended_at": "2026-02-15T00:00:00Z"}');
select pg_temp.sweep('2026-03-20 00:00Z', '2026-05-01 00:00Z');
select is(pg_temp.months('ended'), '01-01 02-01', 'an ended subscription grants no month that began after its end, even if that event is late');

-- The scheduled end was cancelled in time, but that event was lost.
select pg_temp.user('resumed');
select pg_temp.read('resumed', '2026-01-01 00:00Z', 'basic_q', '2026-01-01 00:00Z', '2026-04-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rs1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_q', '2026-01-01 00:00Z', '2026-04-01 00:00Z')))
), '{"cancel_at": "2026-01-20T00:00:00Z"}');
select pg_temp.sweep('2026-01-02 00:00Z', '2026-03-20 00:00Z');
select pg_temp.read('resumed', '2026-04-02 00:00Z', 'basic_q', '2026-04-01 00:00Z', '2026-07-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rs2', '2026-04-01 00:00Z', jsonb_build_array(pg_temp.line('basic_q', '2026-04-01 00:00Z', '2026-07-01 00:00Z')))
));
select is(pg_temp.months('resumed'), '01-01 02-01 03-01 04-01', 'the months after a scheduled end that was cancelled are granted, even if that event was lost');

-- The status became unpaid on February 15th; the event arrives in April.
select pg_temp.user('lapsed');
select pg_temp.read('lapsed', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('la1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.read('lapsed', '2026-04-10 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', '[]', '{"status": "unpaid", "status_at": "2026-02-15T00:00:00Z"}');
select is(pg_temp.months('lapsed'), '01-01 02-01', 'a status that is unpaid since February grants nothing for March, even if its event is late');

select pg_temp.user('month_late');
select pg_temp.read('month_late', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ml1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select pg_temp.read('month_late', '2026-01-25 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', '[]', '{"status": "unpaid"}');
select pg_temp.read('month_late', '2026-02-20 00:00Z', 'basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ml2', '2026-02-20 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z')))
));
select is(pg_temp.months('month_late'), '01-01 02-01', 'a month that began unpaid grants its credits when it is paid');

select pg_temp.user('refund');
select pg_temp.read('refund', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('r1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.sweep('2026-01-01 00:00Z', '2026-02-10 00:00Z');
select pg_temp.read('refund', '2026-02-10 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('r1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')), 900,
    '{"refunds": [{"id": "re_r1", "amount": 900, "currency": "xts", "status": "succeeded", "reason": null, "created_at": "2026-02-10T00:00:00Z"}]}')
));
select pg_temp.sweep('2026-02-10 00:00Z', '2026-05-01 00:00Z');
select is(pg_temp.granted('refund'), 200, 'after a full refund no further month is granted, and no granted credits are taken back');
select pg_temp.read('refund', '2026-02-20 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('r2', '2026-02-20 00:00Z', jsonb_build_array(pg_temp.line('pro_y', '2026-02-20 00:00Z', '2027-01-01 00:00Z', true)), 300)
));
select is(pg_temp.granted('refund'), 200, 'an upgrade within a refunded period grants nothing');

select pg_temp.user('revoked');
select pg_temp.read('revoked', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rv1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select private.change_revocation(s.id, 'Fraud', true, '2026-01-20 00:00Z') is null from public.subscriptions as s where s.provider_subscription_id = 'sub_revoked';
select pg_temp.sweep('2026-01-20 00:00Z', '2026-03-10 00:00Z');
select private.change_revocation(s.id, null, false, '2026-03-10 00:00Z') is null from public.subscriptions as s where s.provider_subscription_id = 'sub_revoked';
select pg_temp.sweep('2026-03-10 00:00Z', '2026-04-10 00:00Z');
select is(pg_temp.months('revoked'), '01-01 04-01', 'a month that begins while the subscription is revoked grants nothing, even after it is reinstated');

select pg_temp.user('ends_first');
select pg_temp.read('ends_first', '2026-01-01 00:00Z', 'basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ef1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z')))
));
select pg_temp.sweep('2026-01-01 00:00Z', '2026-02-10 00:00Z');
select pg_temp.read('ends_first', '2026-02-25 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('ef2', '2026-02-20 00:00Z', jsonb_build_array(pg_temp.line('pro_y', '2026-02-20 00:00Z', '2027-01-01 00:00Z', true)), 300)
), '{"cancel_at": "2026-02-15T00:00:00Z"}');
select is(pg_temp.granted('ends_first'), 200, 'a change to a richer plan after the end of the subscription grants no difference');

select pg_temp.user('revoked_m');
select pg_temp.read('revoked_m', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rm1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select private.change_revocation(s.id, 'Fraud', true, '2026-01-20 00:00Z') is null from public.subscriptions as s where s.provider_subscription_id = 'sub_revoked_m';
select pg_temp.read('revoked_m', '2026-02-01 00:00Z', 'basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rm2', '2026-02-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z')))
));
select is(pg_temp.months('revoked_m'), '01-01', 'a month that is paid while the subscription is revoked grants nothing');

-- --------------------------------------------- three renewals whose events were lost

select pg_temp.user('unheard');
select pg_temp.read('unheard', '2026-01-05 00:00Z', 'basic_m', '2026-01-05 00:00Z', '2026-02-05 00:00Z', jsonb_build_array(
  pg_temp.paid('h1', '2026-01-05 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-05 00:00Z', '2026-02-05 00:00Z')))
));
create temporary table missed as
select jsonb_agg(pg_temp.paid('h' || k, s, jsonb_build_array(pg_temp.line('basic_m', s, s + interval '1 month')))) as payments
from generate_series(2, 4) as k, lateral (select '2026-01-05 00:00Z'::timestamptz + make_interval(months => k - 1) as s) as x;
select pg_temp.read('unheard', '2026-04-10 00:00Z', 'basic_m', '2026-04-05 00:00Z', '2026-05-05 00:00Z', (select payments from missed));
select is(pg_temp.granted('unheard'), 400, 'a read grants three renewals whose events were lost');
select pg_temp.read('unheard', '2026-04-10 00:00Z', 'basic_m', '2026-04-05 00:00Z', '2026-05-05 00:00Z', (select payments from missed)) from generate_series(1, 3);
select is(pg_temp.granted('unheard'), 400, 'a repeated read grants nothing again');

-- ------------------------------------------------------ an account near the limit

select pg_temp.user('rich');
select private.change_credits(md5('rich')::uuid, 'grant', 2147483647 - 5 - 30, null, 'service:rich-0001') is null;
select pg_temp.read('rich', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rich1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select is((select credits from public.users where id = md5('rich')::uuid), 2147483647, 'an account near the highest balance gets as many credits as fit');
select is(
  (select reason from private.billing_flags where kind = 'credits_overflow'), 'The balance could hold only 30 of 100 credits.', 'a grant that does not fit is flagged'
);

-- ------------------------------------------------------------------------ packs

insert into public.credit_packs (pack_type, name, credits) values ('pack_300', 'Three hundred', 300);
insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount)
values ('stripe', 'pack_price', 'pack_300', 'xts', 1000);

create function pg_temp.buy(who text, changes jsonb default '{}', payment jsonb default '{}') returns text language sql as $$
  select private.apply_purchase(
    jsonb_build_object(
      'provider', 'stripe', 'session_id', 'cs_' || who, 'customer_id', 'cus_' || who, 'user_id', md5(who)::uuid, 'livemode', false, 'status', 'paid',
      'items', '[{"price_id": "pack_price", "quantity": 1}]'::jsonb,
      'payment', jsonb_build_object('id', 'pi_' || who, 'paid_at', now(), 'currency', 'xts', 'amount', 1000, 'lines', '[]'::jsonb) || payment
    ) || changes, nextval('private.read_numbers'), now()
  ) ->> 'outcome'
$$;

create function pg_temp.incident(id text, amount integer, status text) returns jsonb language sql as $$
  select jsonb_build_object('id', id, 'amount', amount, 'currency', 'xts', 'status', status, 'reason', null, 'created_at', now())
$$;

select pg_temp.user('pack');
select is(pg_temp.buy('pack', '{"status": "unpaid", "payment": null}'), 'processed', 'a checkout with a delayed payment is processed');
select pg_temp.buy('pack', '{"status": "unpaid"}');
select is(pg_temp.granted('pack'), 0, 'a pack grants nothing before its payment succeeds');
select pg_temp.buy('pack') from generate_series(1, 2);
select is(pg_temp.granted('pack'), 300, 'a paid pack grants its credits, once');
select pg_temp.buy('pack', '{}', jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('p1', 333, 'succeeded')))) from generate_series(1, 2);
select is(pg_temp.granted('pack'), 201, 'a partial refund of a pack takes back the same share of its credits, once');
select pg_temp.buy('pack', '{}', jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('p2', 167, 'pending'))));
select is(pg_temp.granted('pack'), 201, 'a pending refund of a pack takes nothing back');
select pg_temp.buy('pack', '{}', jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('p2', 167, 'succeeded'))));
select is(pg_temp.granted('pack'), 150, 'a second partial refund takes back up to the total share');
select pg_temp.buy('pack', '{}', jsonb_build_object('disputes', jsonb_build_array(pg_temp.incident('p3', 1000, 'lost'))));
select is(pg_temp.granted('pack'), 0, 'a lost dispute takes back the rest of the pack, and no more');

-- Bought, half refunded, disputed and lost, in every order.
select pg_temp.user('order' || k) from generate_series(1, 6) as k;
create temporary table steps as
select array[
  '{}'::jsonb,
  jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('half', 500, 'succeeded'))),
  jsonb_build_object('disputes', jsonb_build_array(pg_temp.incident('lost', 500, 'lost')))
] as step;
select pg_temp.buy('order' || o.k, '{}', replace(step[i]::text, '"id": "', '"id": "' || o.k)::jsonb)
from steps,
  (values (1, '{1,2,3}'::integer[]), (2, '{1,3,2}'), (3, '{2,1,3}'), (4, '{2,3,1}'), (5, '{3,1,2}'), (6, '{3,2,1}')) as o (k, ord),
  unnest(o.ord) with ordinality as u (i, n)
order by o.k, u.n;
select is(
  (select array_agg(distinct pg_temp.granted('order' || k)) from generate_series(1, 6) as k), '{0}', 'a pack that is half refunded, disputed and lost has the same end state in every order of events'
);

select pg_temp.user('spent');
select pg_temp.buy('spent');
select private.change_credits(md5('spent')::uuid, 'consume', -250, null, null) is null;
select pg_temp.buy('spent', '{}', jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('s1', 1000, 'succeeded'))));
select is((select credits from public.users where id = md5('spent')::uuid), 0, 'taking back spent credits leaves a balance of 0');
select is(
  (select reason from private.billing_flags where kind = 'credits_not_taken'),
  '245 of 300 credits of a refunded pack were spent and could not be taken back.', 'credits that could not be taken back are flagged'
);

select is_empty($$select * from private.check_ledger()$$, 'all ledgers add up at the end');

select * from finish();

rollback;

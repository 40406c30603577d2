-- Credits of subscriptions and packs in special cases. The rules of months, plans, refunds and packs are tested by the lives in
-- commands/billing-lives.test.ts and with the stand-ins in api/billing-faults.test.ts and api/selling.test.ts.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- A time zone other than UTC, with summer time: no rule may depend on the time zone.
set local time zone 'America/New_York';

insert into public.plans (plan_type, name, is_premium, monthly_credits, max_versions)
values ('pro_yearly', 'Pro, yearly', true, 1000, 500);

insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, interval_count)
values
  ('stripe', 'basic_m', 'premium_monthly', 'xts', 900, 'month', 1),
  ('stripe', 'basic_q', 'premium_monthly', 'xts', 2500, 'month', 3),
  ('stripe', 'basic_y', 'premium_yearly', 'xts', 9000, 'year', 1),
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

-- ------------------------------------------------------------------------ months

select pg_temp.user('late');
select pg_temp.read('late', '2026-07-01 00:00Z', 'basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z', jsonb_build_array(
  pg_temp.paid('y1', '2026-01-15 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z')))
));
select is(pg_temp.granted('late'), 600, 'a year whose event arrives late grants the months that have begun');

select pg_temp.user('leap');
select pg_temp.read('leap', '2028-02-29 23:30Z', 'basic_y', '2028-02-29 23:30Z', '2029-02-28 23:30Z', jsonb_build_array(
  pg_temp.paid('l1', '2028-02-29 23:30Z', jsonb_build_array(pg_temp.line('basic_y', '2028-02-29 23:30Z', '2029-02-28 23:30Z')))
));
select is(
  (select next_grant_at from public.subscriptions where provider_subscription_id = 'sub_leap'), '2028-03-29 23:30Z',
  'a paid year records when its next month begins'
);
select pg_temp.sweep('2028-02-29 23:30Z', '2029-02-28 22:00Z');
select is(
  (select next_grant_at from public.subscriptions where provider_subscription_id = 'sub_leap'), null,
  'after its twelfth month a paid year records no next month'
);

select pg_temp.user('overdue');
select pg_temp.read('overdue', '2026-04-20 00:00Z', 'basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z', jsonb_build_array(
  pg_temp.paid('o1', '2026-03-20 00:00Z', jsonb_build_array(pg_temp.line('basic_y', '2026-01-15 00:00Z', '2027-01-15 00:00Z')))
));
select is(pg_temp.months('overdue'), '01-15 04-15', 'a month that began before its year was paid grants nothing');

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

select pg_temp.user('foreign');
select pg_temp.read('foreign', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('fo1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('another_product', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select is(pg_temp.granted('foreign'), 0, 'a payment for another product grants nothing');

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
select pg_temp.read('refund', '2026-02-20 00:00Z', 'pro_y', '2026-01-01 00:00Z', '2027-01-01 00:00Z', jsonb_build_array(
  pg_temp.paid('r2', '2026-02-20 00:00Z', jsonb_build_array(pg_temp.line('pro_y', '2026-02-20 00:00Z', '2027-01-01 00:00Z', true)), 300)
));
select is(pg_temp.granted('refund'), 200, 'a change to a richer plan within a refunded period grants no difference');

select pg_temp.user('revoked_m');
select pg_temp.read('revoked_m', '2026-01-01 00:00Z', 'basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rm1', '2026-01-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-01-01 00:00Z', '2026-02-01 00:00Z')))
));
select private.change_revocation(s.id, 'Fraud', true, '2026-01-20 00:00Z') is null from public.subscriptions as s where s.provider_subscription_id = 'sub_revoked_m';
select pg_temp.read('revoked_m', '2026-02-01 00:00Z', 'basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z', jsonb_build_array(
  pg_temp.paid('rm2', '2026-02-01 00:00Z', jsonb_build_array(pg_temp.line('basic_m', '2026-02-01 00:00Z', '2026-03-01 00:00Z')))
));
select is(pg_temp.months('revoked_m'), '01-01', 'a month that is paid while the subscription is revoked grants nothing');

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
select pg_temp.buy('pack', '{}', jsonb_build_object('refunds', jsonb_build_array(pg_temp.incident('p2', 167, 'pending'))));
select is(pg_temp.granted('pack'), 300, 'a pending refund of a pack takes nothing back');
select is_empty($$select * from private.check_ledger()$$, 'all ledgers add up at the end');

select * from finish();

rollback;

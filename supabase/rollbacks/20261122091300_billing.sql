-- Takes back billing. Destroys the links to the providers' customers and the open
-- checkouts; the subscriptions stay as they were last read.
drop function private.grant_premium(uuid, text, timestamptz);
drop function private.drop_checkout(uuid);
drop function private.end_checkout(uuid, text, boolean);
drop function private.open_checkout(uuid, text, text, timestamptz);
drop function private.begin_checkout(uuid, text, text, text);
drop function private.has_running_subscription(uuid);
drop function private.apply_subscription(jsonb, bigint);
drop function private.add_payments(uuid, jsonb);
drop function private.plan_by_price(text, jsonb);
drop function private.price_of_plan(text, text);
drop function private.billing_user(text, text, uuid);
drop function private.grant_months(uuid, timestamptz);
drop function private.refresh_premium(uuid);
drop function private.entitled_until(text, timestamptz, timestamptz, timestamptz);
drop table private.checkouts;
drop table private.granted_months;
drop table private.paid_periods;
drop sequence private.read_numbers;
drop table private.billing_customers;
drop function private.remember_deleted_customer();
drop table private.deleted_customers;

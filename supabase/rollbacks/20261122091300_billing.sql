-- Takes back the records of billing. Destroys payments, the links to the providers' customers and the
-- open checkouts; the subscriptions stay as they were last read.
drop table private.checkouts;
drop table private.provider_tasks;
drop table private.billing_flags;
drop table private.payment_incidents;
drop table private.entitlement_lapses;
drop table private.granted_months;
drop table private.subscription_terms;
drop table private.plan_changes;
drop table private.payments;
drop sequence private.read_numbers;
drop table private.known_subscriptions;
drop table private.billing_customers;
drop function private.remember_deleted_customer();
drop table private.deleted_customers;

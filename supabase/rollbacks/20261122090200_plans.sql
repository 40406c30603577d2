-- Rolls back plans, packs, prices and subscriptions. Destroys the prices: note the providers' ids before. Destroys our
-- record of subscriptions; the providers keep theirs.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function private.plan_of(uuid);
drop function private.hold_to_plan();
drop trigger subscriptions_note_end on public.subscriptions;
drop function private.note_subscription_end();
drop table public.subscriptions;
drop table public.prices;
drop table public.credit_packs;
drop table public.plans;

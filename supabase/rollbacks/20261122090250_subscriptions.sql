-- Takes back subscriptions. Destroys what is known of them; the providers keep theirs.
drop function private.plan_of(uuid);
drop table public.subscriptions;
drop function private.note_subscription_end();

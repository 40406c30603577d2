-- Takes back billing. Destroys what is known of subscriptions; the providers keep theirs.
drop table public.subscriptions;

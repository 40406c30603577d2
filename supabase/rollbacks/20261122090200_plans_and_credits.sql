-- Takes back plans and credits. Destroys the ledger; the balances in users.credits stay.
drop trigger users_credits_are_ledgered on public.users;
drop function private.require_ledgered_credits();
drop trigger users_record_opening_credits on public.users;
drop function private.record_opening_credits();
drop table public.credit_transactions;
drop table public.plans;

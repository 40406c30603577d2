-- Takes back plans and credits. Destroys the ledger; the balances in users.credits stay.
drop function private.check_ledger(uuid);
drop function public.refund_credits(uuid, text);
drop function private.refund_credits(uuid, text);
drop function public.grant_credits(uuid, integer, text, text);
drop function private.grant_credits(uuid, integer, text, text);
drop function public.charge_credits(uuid, integer, text, text);
drop function private.charge_credits(uuid, integer, text, text);
drop function private.change_credits_of(uuid, text, integer, text, text, bigint);
drop function public.consume_credits(integer, text, text);
drop function private.consume_credits(integer, text, text);
drop function private.check_credit_arguments(integer, text, text);
drop function private.change_credits(uuid, text, integer, text, text, bigint);
drop trigger users_credits_are_ledgered on public.users;
drop function private.require_ledgered_credits();
drop trigger users_record_opening_credits on public.users;
drop function private.record_opening_credits();
drop table public.credit_transactions;
drop table public.plans;

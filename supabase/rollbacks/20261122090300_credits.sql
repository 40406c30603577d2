-- Rolls back credits. Destroys the ledger and its archive; the balances in users.credits stay.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop trigger users_credits_are_ledgered on public.users;
drop function private.require_ledgered_credits();
drop function public.refund_credits(uuid, text);
drop function private.refund_credits(uuid, text);
drop trigger users_record_opening_credits on public.users;
drop function private.record_opening_credits();
drop function public.grant_credits(uuid, integer, text, text);
drop function private.grant_credits(uuid, integer, text, text);
drop function public.consume_credits(integer, text, text);
drop function private.consume_credits(integer, text, text);
drop function private.check_ledger(uuid);
drop function private.check_credit_arguments(integer, text, text);
drop function public.charge_credits(uuid, integer, text, text);
drop function private.charge_credits(uuid, integer, text, text);
drop function private.change_credits_of(uuid, text, integer, text, text, bigint);
drop function private.change_credits(uuid, text, integer, text, text, bigint);
drop table private.archived_rows;
drop table private.archived_credits;
drop function private.credit_request_hash(integer, text);
drop function private.credit_key_hash(text, text);
drop table private.archived_credit_keys;
drop function private.archive_credits(uuid, timestamptz, integer);
drop table public.credit_transactions;

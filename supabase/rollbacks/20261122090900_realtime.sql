-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop policy "users delete their own strategy exports" on storage.objects;
drop policy "users replace their own strategy exports" on storage.objects;
drop policy "users write strategy exports of their own" on storage.objects;
drop policy "users read their own strategy exports" on storage.objects;
drop function private.has_room_for_exports();
drop trigger credit_transactions_broadcast_changes on public.credit_transactions;
drop trigger subscriptions_broadcast_changes on public.subscriptions;
drop trigger strategies_broadcast_changes on public.strategies;
drop trigger users_broadcast_changes on public.users;
drop function private.broadcast_change();
drop function private.allow_broadcasts();

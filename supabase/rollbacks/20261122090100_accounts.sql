-- Rolls back accounts. Destroys every account row. The auth users stay, and a later push creates their accounts anew
-- with opening credits.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function private.lock_own_account();
drop function private.lock_account(uuid);
drop function private.is_premium(uuid);
drop trigger pinebase_100_account_changed on auth.users;
drop trigger pinebase_100_account_created on auth.users;
drop function private.follow_auth_user();
drop function private.ensure_account(uuid);
drop function private.caller_account(boolean, boolean);
drop trigger users_100_copy_is_premium on public.users;
drop function private.copy_is_premium();
drop trigger users_check_preferences on public.users;
drop function private.check_preferences();
drop table public.users;
drop function private.is_premium_until(timestamptz);

-- Takes back accounts. Destroys every account row; the auth users stay, and a push
-- afterwards makes their accounts anew with opening credits.
drop trigger pinebase_account_changed on auth.users;
drop trigger pinebase_account_created on auth.users;
drop function private.follow_auth_user();
drop function private.ensure_account(uuid);
drop function private.is_premium(uuid);
drop table public.users;
drop function private.check_preferences();
drop function private.copy_is_premium();
drop function private.lock_own_account();
drop function private.is_premium_until(timestamptz);

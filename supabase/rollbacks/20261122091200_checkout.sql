-- Rolls back checkouts. Destroys nothing.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function public.take_billing_call(uuid);
drop function private.take_billing_call(uuid);
drop function public.open_checkout(uuid, text, text, timestamptz);
drop function private.open_checkout(uuid, text, text, timestamptz, timestamptz);
drop function public.end_checkout(uuid, text, boolean);
drop function private.end_checkout(uuid, text, boolean, timestamptz);
drop function public.drop_checkout(uuid);
drop function private.drop_checkout(uuid);
drop function public.begin_checkout(uuid, text, text, text, text, text, boolean);
drop function private.begin_checkout(uuid, text, text, text, text, text, boolean, timestamptz);

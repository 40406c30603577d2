-- Takes back checkouts and what an operator does by hand. Destroys nothing.
drop function private.change_revocation(uuid, text, boolean, timestamptz);
drop function private.grant_premium(uuid, text, timestamptz, timestamptz);
drop function private.end_checkout(uuid, text, boolean, timestamptz);
drop function private.drop_checkout(uuid);
drop function private.open_checkout(uuid, text, text, timestamptz, timestamptz);
drop function private.begin_checkout(uuid, text, text, text, text, text, boolean, timestamptz);

-- Rolls back rate limits. Destroys the counts of attempts, so every window starts anew.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function private.take_attempt(text, uuid, integer, interval);
drop function private.sweep_attempts();
drop function private.refuse_attempt(text, uuid, integer, interval, text);
drop table private.attempts;

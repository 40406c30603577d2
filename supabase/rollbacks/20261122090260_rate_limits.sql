-- Takes back rate limits. Forgets who tried what: every window starts anew.
drop function private.sweep_attempts();
drop function private.take_attempt(text, uuid, integer, interval);
drop table private.attempts;

-- Whether a subscription of this status may take money again.
create function private.is_running(status text)
returns boolean
language sql
immutable
security invoker
set search_path = ''
return is_running.status in ('trialing', 'active', 'past_due', 'unpaid', 'paused');

revoke all on function private.is_running from public, anon, authenticated, service_role;

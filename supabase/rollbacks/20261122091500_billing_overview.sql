-- Rolls back the operator's overview. Destroys nothing.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function public.dismiss_billing_attention(text, text, text);
drop function private.dismiss_billing_attention(text, text, text, timestamptz);
drop function public.billing_overview();
drop function private.billing_overview(timestamptz);
drop function public.billing_health();
drop function private.billing_health(timestamptz);
drop function public.billing_attention(integer, text);
drop function private.billing_attention(integer, text, timestamptz);
drop function private.attention(timestamptz, timestamptz, text, integer);
drop function private.billing_pulse(timestamptz);

-- Takes back the owner's page. Destroys nothing.
drop function public.billing_health();
drop function public.dismiss_billing_attention(text, text, text);
drop function public.billing_attention(integer, text);
drop function public.billing_overview();
drop function private.dismiss_billing_attention(text, text, text, timestamptz);
drop function private.billing_health(timestamptz);
drop function private.billing_attention(integer, text, timestamptz);
drop function private.attention(timestamptz, timestamptz, text, integer);
drop function private.billing_overview(timestamptz);
drop function private.billing_pulse(timestamptz);

-- Each read of a provider draws a number before the request is sent. A subscription is written only by a read with a
-- higher number than its row's, so a slow read cannot overwrite a newer one. The numbers stay exact in JavaScript,
-- below 2^53.
create sequence private.read_numbers as bigint start with 1000000000000000;

-- Draws the number of a read without an event: for a success page, for support, or for a reconciliation after an
-- outage. It is drawn before the request to the provider.
create function private.next_read_number()
returns text
language sql
volatile
security definer
set search_path = ''
begin atomic
  select nextval('private.read_numbers')::text;
end;

create function public.next_read_number()
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.next_read_number();
end;

comment on function public.next_read_number() is
  'Internal. Draws the number of a read of a provider, as text. Called before the read.';

revoke all on sequence private.read_numbers from public, anon, authenticated, service_role;
revoke all on function private.next_read_number, public.next_read_number from public, anon, authenticated, service_role;
grant execute on function private.next_read_number, public.next_read_number to service_role;

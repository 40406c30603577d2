-- Deletes a checkout attempt that has no session. Under the same idempotency key, a provider returns the same
-- refusal again, so the next try needs a new attempt.
create function private.drop_checkout(attempt uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  delete from private.checkouts as c
  where c.attempt = drop_checkout.attempt
    and c.session_id is null;
end;
$$;

create function public.drop_checkout(attempt uuid)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.drop_checkout(attempt);
end;

comment on function public.drop_checkout(uuid) is
  'Internal to the checkouts. Deletes an attempt that the provider refused, so that the next one is new.';

revoke all on function private.drop_checkout, public.drop_checkout from public, anon, authenticated, service_role;
grant execute on function private.drop_checkout, public.drop_checkout to service_role;

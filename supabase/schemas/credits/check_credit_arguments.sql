-- Raises invalid_argument for what a caller may not send; reason and key may be null. Keys are short enough for an
-- index and free of ':', which sets the system's own keys apart.
create function private.check_credit_arguments(amount integer, reason text, idempotency_key text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if check_credit_arguments.amount is null or check_credit_arguments.amount < 1 then
    perform private.raise_error(
      'invalid_argument', 'The amount must be 1 or more.', '{"argument": "amount", "minimum": 1}'
    );
  elsif char_length(check_credit_arguments.reason) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'The reason is too long: shorten it.', '{"argument": "reason", "maximum": 4000}'
    );
  elsif check_credit_arguments.idempotency_key !~ '^[A-Za-z0-9_-]{8,64}$' then
    perform private.raise_error(
      'invalid_argument',
      'An idempotency key has 8 to 64 letters, digits, underscores and hyphens: a UUID will do.',
      '{"argument": "idempotency_key"}'
    );
  end if;
end;
$$;

revoke all on function private.check_credit_arguments from public, anon, authenticated, service_role;

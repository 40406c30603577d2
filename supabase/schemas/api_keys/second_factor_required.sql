-- The functions know from the token whether the session was opened with a second factor, and
-- whether there is one is asked in the same transaction as everything else.
create function private.second_factor_required()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.error_result(
    'mfa_required', 'Confirm your second factor first: this session was opened without it.'
  );
end;
$$;

comment on function private.second_factor_required() is
  'The error for a session that was opened without the second factor that its user has.';

revoke all on function private.second_factor_required from public, anon, authenticated, service_role;

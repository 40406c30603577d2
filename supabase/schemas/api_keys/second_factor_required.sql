-- The error for a session that was opened without its user's second factor. Edge functions know from the token how
-- the session was opened, and their database functions check in the same transaction whether the user has a factor.
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

revoke all on function private.second_factor_required from public, anon, authenticated, service_role;

-- Every change of a strategy's content that a client or the operator writes gets its version at the end of the statement.
create function private.write_strategy_versions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform private.write_version(a.id)
    from added as a;
  else
    perform private.write_version(new.id);
  end if;
  return null;
end;
$$;

revoke all on function private.write_strategy_versions from public, anon, authenticated, service_role;

-- Flags something for a person, once. A resolved flag stays resolved unless `reopen` is set.
create function private.raise_flag(
  kind text,
  provider text,
  reference text,
  user_id uuid,
  reason text,
  as_of timestamptz,
  reopen boolean default false
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.billing_flags as f (kind, provider, reference, user_id, reason, since)
  values (
    raise_flag.kind, coalesce(raise_flag.provider, ''), raise_flag.reference, raise_flag.user_id, raise_flag.reason, raise_flag.as_of
  )
  on conflict on constraint billing_flags_once do update
    set reason = excluded.reason,
        user_id = coalesce(excluded.user_id, f.user_id),
        since = case when raise_flag.reopen and f.resolved_at is not null then excluded.since else f.since end,
        resolved_at = case when raise_flag.reopen then null else f.resolved_at end
    where f.reason <> excluded.reason
      or (raise_flag.reopen and f.resolved_at is not null);
end;
$$;

revoke all on function private.raise_flag from public, anon, authenticated, service_role;

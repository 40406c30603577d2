-- Marks the key that was used and no other one: a key that has been stored since has another stored_at.
create function private.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.api_keys as k
  set rejected_at = case when mark_api_key.accepted then null else now() end,
      verified_at = case when mark_api_key.accepted then now() else k.verified_at end
  where k.user_id = mark_api_key.user_id
    and k.provider = mark_api_key.provider
    and k.updated_at = mark_api_key.stored_at
    and (k.rejected_at is not null) = mark_api_key.accepted;

  return jsonb_build_object('marked', found);
end;
$$;

create function public.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.mark_api_key(user_id, provider, stored_at, accepted);
end;

comment on function public.mark_api_key(uuid, text, timestamptz, boolean) is
  'Internal, for llm-proxy: sets rejected_at of a key that its provider refuses, or clears it. {marked}: false where nothing changed.';

revoke all on function private.mark_api_key, public.mark_api_key from public, anon, authenticated, service_role;
grant execute on function private.mark_api_key, public.mark_api_key to service_role;

-- Deletes the auth user and every row of theirs. Files are not rows: the caller removes them first, by the Storage
-- API.
create function private.delete_user(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if delete_user.user_id is null then
    perform private.raise_error('invalid_argument', 'Give the id of the user to delete.', '{"argument": "user_id"}');
  end if;

  delete from auth.users as u
  where u.id = delete_user.user_id;

  return jsonb_build_object('deleted', found);
end;
$$;

create function public.delete_user(user_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.delete_user(user_id);
end;

comment on function public.delete_user(uuid) is
  'Deletes an auth user and every row of theirs: {deleted}. The caller first deletes the files and ends the subscriptions at a provider, as delete-account does.';

revoke all on function private.delete_user, public.delete_user from public, anon, authenticated, service_role;
grant execute on function private.delete_user, public.delete_user to service_role;

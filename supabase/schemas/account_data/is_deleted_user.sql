-- Whether a user of this id existed and is deleted: late events about them are ignored.
create function private.is_deleted_user(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
begin atomic
  select exists (
      select
      from private.deleted_users as d
      where d.user_id = is_deleted_user.user_id
    )
    and not exists (
      select
      from public.users as u
      where u.id = is_deleted_user.user_id
    );
end;

revoke all on function private.is_deleted_user from public, anon, authenticated, service_role;

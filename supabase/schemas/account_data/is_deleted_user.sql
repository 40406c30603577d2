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

comment on function private.is_deleted_user(uuid) is
  'Whether this id was a user''s who is gone: whatever still comes for them is to be ignored.';

revoke all on function private.is_deleted_user from public, anon, authenticated, service_role;

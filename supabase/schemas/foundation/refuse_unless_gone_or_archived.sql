-- Makes a table append-only. Ledgers and audit trails can be trusted because nobody can edit them, not even the
-- table's owner. A row can be deleted only when its user is deleted already, as in the cascade from public.users, or
-- when it is in the archive.
create function private.refuse_unless_gone_or_archived()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    if not exists (select from public.users as u where u.id = old.user_id)
      or exists (
        select
        from private.archived_rows as a
        where a.user_id = old.user_id
          and a.source = tg_table_name
          and a.last_id >= old.id
      )
    then
      return old;
    end if;
  end if;

  raise exception using
    errcode = 'insufficient_privilege',
    message = format('%I is append-only: its rows cannot be changed, and are deleted only with their user or by the archive.', tg_table_name),
    schema = tg_table_schema,
    table = tg_table_name;
end;
$$;

revoke all on function private.refuse_unless_gone_or_archived from public, anon, authenticated, service_role;

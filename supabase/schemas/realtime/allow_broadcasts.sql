-- Creates the policy by which users receive their own Realtime topic and no other, and returns whether it exists. An
-- operator calls it again on a project that gets Realtime later. Both the topic that is joined and the topic of the
-- message are compared: a policy on the joined topic alone would show every message to a reader of the table.
create function private.allow_broadcasts()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if
    to_regclass('realtime.messages') is null
    or to_regprocedure('realtime.topic()') is null
    or to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null
  then
    raise notice 'Realtime is not set up here, so changes are not broadcast. Run select private.allow_broadcasts() when it is.';
    return false;
  end if;

  create policy "users receive their own topic"
    on realtime.messages
    for select
    to authenticated
    using (
      extension = 'broadcast'
      and topic = 'user:' || (select auth.uid())::text
      and topic = (select realtime.topic())
      and (select private.session_is_trusted())
    );
  return true;
exception
  when duplicate_object then
    return true;
  when insufficient_privilege or undefined_column then
    raise notice 'Nobody receives broadcasts, because the policy on realtime.messages could not be created: %', sqlerrm;
    return false;
end;
$$;

revoke all on function private.allow_broadcasts from public, anon, authenticated, service_role;

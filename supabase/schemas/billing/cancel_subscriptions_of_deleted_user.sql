-- Whoever deletes a user, in Studio too, must not leave them paying: each subscription that
-- runs, and each approval that may still come, is to be cancelled at its provider. One that
-- ended here because its money was refunded goes on there until its scheduled end.
create function private.cancel_subscriptions_of_deleted_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.request_task(t.provider, t.id, 'cancel', old.id, 'The account was deleted.', now())
  from (
    select s.provider, s.provider_subscription_id as id
    from public.subscriptions as s
    where s.user_id = old.id
      and s.provider <> 'manual'
      and (private.is_running(s.status) or s.cancel_at > now())
    union
    select k.provider, k.subscription_id
    from private.known_subscriptions as k
    where k.user_id = old.id
      and k.closed_at is null
  ) as t;
  return old;
end;
$$;

comment on function private.cancel_subscriptions_of_deleted_user() is
  'Trigger function: asks for the cancelling of what a deleted user still pays.';

create trigger users_cancel_subscriptions
  before delete on public.users
  for each row
  execute function private.cancel_subscriptions_of_deleted_user();

revoke all on function private.cancel_subscriptions_of_deleted_user from public, anon, authenticated, service_role;

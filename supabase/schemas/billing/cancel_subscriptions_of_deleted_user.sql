-- By whatever path a user is deleted, in Studio too, they must not go on paying. So this requests that the provider
-- cancels each subscription that runs, and each approval that may still come. A subscription that ended here because
-- its money was refunded continues at the provider until its scheduled end, so it is cancelled too.
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

create trigger users_cancel_subscriptions
  before delete on public.users
  for each row
  execute function private.cancel_subscriptions_of_deleted_user();

revoke all on function private.cancel_subscriptions_of_deleted_user from public, anon, authenticated, service_role;

-- Handles a subscription whose user is deleted and still pays: it must be cancelled at the provider, and money that
-- came after the deletion is flagged. Returns {outcome: ignored, reason, tasks}.
create function private.refuse_deleted_user(snapshot jsonb, user_id uuid, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := snapshot ->> 'provider';
  v_deleted_at timestamptz;
  v_paid jsonb;
  v_tasks jsonb := '[]';
begin
  select coalesce(
    (select d.deleted_at from private.deleted_users as d where d.user_id = refuse_deleted_user.user_id),
    (
      select d.deleted_at
      from private.deleted_customers as d
      where d.provider = v_provider
        and d.customer_id = snapshot ->> 'customer_id'
    )
  )
  into v_deleted_at;

  if (private.is_running(snapshot ->> 'status') and snapshot ->> 'cancel_at' is null)
    or (snapshot ->> 'approved')::boolean
  then
    v_tasks := private.request_task(
      v_provider, snapshot ->> 'id', 'cancel', refuse_deleted_user.user_id, 'The account was deleted.', refuse_deleted_user.as_of
    );
  end if;

  for v_paid in
    select t.payment
    from jsonb_array_elements(snapshot -> 'payments') as t (payment)
    where jsonb_typeof(snapshot -> 'payments') = 'array'
      and (t.payment ->> 'paid_at')::timestamptz > v_deleted_at
      and (t.payment ->> 'amount')::bigint > 0
  loop
    perform private.raise_flag(
      'money_without_account',
      v_provider,
      v_paid ->> 'id',
      refuse_deleted_user.user_id,
      format('%s %s were paid for %s after the account was deleted.', v_paid ->> 'amount', v_paid ->> 'currency', snapshot ->> 'id'),
      (v_paid ->> 'paid_at')::timestamptz
    );
  end loop;

  return jsonb_build_object('outcome', 'ignored', 'reason', 'The user has deleted the account.', 'tasks', v_tasks);
end;
$$;

revoke all on function private.refuse_deleted_user from public, anon, authenticated, service_role;

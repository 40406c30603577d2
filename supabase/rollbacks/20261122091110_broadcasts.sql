-- Takes back the broadcasts. A project may have lost Realtime since.
do $$
begin
  if to_regclass('realtime.messages') is not null then
    drop policy if exists "users hear their own topic" on realtime.messages;
  end if;
end;
$$;

drop trigger credit_transactions_broadcast_changes on public.credit_transactions;
drop trigger subscriptions_broadcast_changes on public.subscriptions;
drop trigger strategies_broadcast_changes on public.strategies;
drop trigger users_broadcast_changes on public.users;

drop function private.allow_broadcasts();
drop function private.broadcast_change();

-- Realtime: the tables whose changes an app shows as they happen. Row-level security
-- decides who hears of which row. The publication is the project's, so it is altered
-- and never recreated: other tables may be in it. One that is for all tables holds these already.
do $$
begin
  if not (select p.puballtables from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.users, public.strategies, public.subscriptions, public.credit_transactions;
  end if;
end;
$$;

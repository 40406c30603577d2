-- Adds the tables whose changes an app shows as they happen; row-level security decides who receives which row. The
-- publication belongs to the project and other tables may be in it, so it is altered and never recreated. A
-- publication for all tables contains these already.
do $$
begin
  if not (select p.puballtables from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.users, public.strategies, public.subscriptions, public.credit_transactions;
  end if;
end;
$$;

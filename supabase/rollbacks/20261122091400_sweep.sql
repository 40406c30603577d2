-- Rolls back the sweep and its schedule. Destroys only how far the ledger check and the archive have come.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(j.jobid)
    from cron.job as j
    where j.jobname in ('pinebase-sweep', 'pinebase-reconcile');
  end if;
end;
$$;

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function private.sweep_subscriptions(integer, timestamptz);
drop function private.sweep_subscription(uuid, timestamptz);
drop function private.sweep_ledger(integer, integer, timestamptz);
drop function private.sweep_archive(integer, integer);
drop function public.sweep();
drop function private.sweep(timestamptz);
drop function private.call_reconcile();
drop table private.sweep_state;

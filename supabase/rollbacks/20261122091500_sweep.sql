-- Takes back the sweep and its schedule. Destroys nothing.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(j.jobid)
    from cron.job as j
    where j.jobname = 'pinebase-sweep';
  end if;
end;
$$;

drop function public.sweep();
drop function private.sweep();

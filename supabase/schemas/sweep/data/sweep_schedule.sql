-- Schedules the sweep every minute where the project has pg_cron; elsewhere the operator schedules public.sweep().
-- On the first of a month many months are due at once. So the job runs one batch after the other until one is not
-- full. Each batch is a transaction of its own, so that nobody waits for a row for longer than one batch takes. The
-- name makes it one job, however often it is scheduled.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-sweep', '* * * * *', $job$
      do $sweep$
      begin
        for batch in 1..2000
        loop
          exit when (private.sweep(now()) ->> 'months_granted')::integer < 20;
          commit;
        end loop;
      end;
      $sweep$
    $job$);
  else
    raise notice 'pg_cron is not enabled, so nothing calls the sweep: enable it and push again, or run npm run sweep by a schedule of your own.';
  end if;
end;
$$;

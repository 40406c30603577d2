do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-reconcile', '37 3 * * *', 'select private.call_reconcile()');
  end if;
end;
$$;

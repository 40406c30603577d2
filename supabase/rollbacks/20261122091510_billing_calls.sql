do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(j.jobid) from cron.job as j where j.jobname = 'pinebase-reconcile';
  end if;
end;
$$;

drop function public.return_paypal_ask();
drop function public.take_paypal_ask();
drop function public.take_billing_call(uuid);
drop function private.call_reconcile();
drop function private.return_paypal_ask();
drop function private.take_paypal_ask();
drop function private.take_billing_call(uuid);

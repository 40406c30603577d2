-- The sweep: what time alone makes due. A scheduled job calls it; it may run as often as
-- one likes, beside anything else: a second one waits for the first. A ledger that disagrees
-- is not mended here, because nobody knows which side is right: it is told, in the answer
-- and in the log.
create function private.sweep()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_billing jsonb;
  v_premium integer;
  v_attempts integer;
  v_ledger jsonb;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('private.sweep', 0));

  -- First, because it may change what the others look at.
  v_billing := private.sweep_billing();

  -- A row that is in use is left for the next sweep.
  update public.users as u
  set is_premium = private.is_premium_until(u.premium_until)
  from (
    select w.id
    from public.users as w
    where w.is_premium <> private.is_premium_until(w.premium_until)
    for no key update skip locked
  ) as stale
  where u.id = stale.id;
  get diagnostics v_premium = row_count;

  v_attempts := private.sweep_attempts();

  select coalesce(jsonb_agg(to_jsonb(l)), '[]')
  into v_ledger
  from private.check_ledger() as l;

  if v_ledger <> '[]' then
    raise warning 'ledger and balance disagree: %', v_ledger;
  end if;

  return v_billing || jsonb_build_object(
    'unlinked', private.unlink_deleted_sources(1000) + private.unlink_deleted_indicators(5000),
    'premium_corrected', v_premium,
    'attempts_forgotten', v_attempts,
    'ledger_disagreements', v_ledger
  );
end;
$$;

comment on function private.sweep() is
  'Sweeps billing, corrects users.is_premium, forgets attempts out of their window and checks every ledger: {retried, abandoned, deleted, ended, months_granted, unlinked, premium_corrected, attempts_forgotten, ledger_disagreements}.';

create function public.sweep()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.sweep();
end;

comment on function public.sweep() is
  'What time alone makes due: for a scheduled job, and npm run sweep where there is none.';

revoke all on function private.sweep, public.sweep from public, anon, authenticated, service_role;
grant execute on function private.sweep, public.sweep to service_role;

-- Every quarter of an hour, where the project has pg_cron; elsewhere something else calls
-- public.sweep(). The name makes it one job, however often it is scheduled.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-sweep', '*/15 * * * *', 'select private.sweep()');
  else
    raise notice 'pg_cron is not enabled, so nothing calls the sweep: enable it and push again, or run npm run sweep by a schedule of your own.';
  end if;
end;
$$;

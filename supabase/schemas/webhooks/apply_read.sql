-- Applies what a numbered read of one customer reported, and then the events that were parked for it.
create function private.apply_read(snapshots jsonb, read_number bigint, purchases jsonb, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_one record;
  v_result jsonb;
  v_results jsonb := '[]';
  v_tasks jsonb := '[]';
  v_keys text[] := '{}';
  v_provider text := coalesce(snapshots -> 0 ->> 'provider', purchases -> 0 ->> 'provider');
begin
  perform private.lock_billing_customer(
    v_provider, coalesce(snapshots -> 0 ->> 'customer_id', purchases -> 0 ->> 'customer_id')
  );

  for v_one in
    select s.value as snapshot, null::jsonb as purchase
    from jsonb_array_elements(coalesce(apply_read.snapshots, '[]')) as s
    union all
    select null, p.value
    from jsonb_array_elements(coalesce(apply_read.purchases, '[]')) as p
  loop
    v_result := case
      when v_one.snapshot is not null then private.apply_subscription(v_one.snapshot, apply_read.read_number, apply_read.as_of)
      else private.apply_purchase(v_one.purchase, apply_read.read_number, apply_read.as_of)
    end;
    v_results := v_results || jsonb_build_object(
      'subscription', coalesce(v_one.snapshot ->> 'id', v_one.purchase ->> 'session_id'),
      'outcome', v_result ->> 'outcome',
      'reason', v_result ->> 'reason'
    );
    v_tasks := v_tasks || coalesce(v_result -> 'tasks', '[]');
    if v_result ->> 'outcome' = 'processed' then
      v_keys := v_keys || private.effect_keys(
        v_provider, jsonb_build_object('snapshot', v_one.snapshot, 'purchase', v_one.purchase), (v_result ->> 'user_id')::uuid
      );
    end if;
  end loop;

  if v_keys <> '{}' then
    v_tasks := v_tasks || (private.retry_parked(v_provider, v_keys, 100, apply_read.as_of) -> 'tasks');
  end if;

  return jsonb_build_object('results', v_results, 'tasks', v_tasks);
end;
$$;

create function public.apply_read(snapshots jsonb, read_number bigint, purchases jsonb default '[]')
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.apply_read(snapshots, read_number, purchases, now());
end;

comment on function public.apply_read(jsonb, bigint, jsonb) is
  'Internal. Applies what a numbered read of one customer reported: {results: [{subscription, outcome, reason}], tasks}.';

revoke all on function private.apply_read, public.apply_read from public, anon, authenticated, service_role;
grant execute on function private.apply_read, public.apply_read to service_role;

-- Copies a strategy that the caller may see into a private one of their own.
create function private.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_document jsonb;
  v_fork_id uuid;
  v_constraint text;
begin
  -- Keeps the source from being deleted before the fork is committed, because the fork stores its id.
  perform
  from public.strategies as s
  where s.id = fork_strategy.strategy_id
    and (s.is_public or s.user_id = v_user_id)
  for key share;

  v_document := private.get_strategy(fork_strategy.strategy_id);
  perform set_config('pinebase.strategy_writer', 'save', true);

  -- Copies every column, also one that a later release adds, except those that are the fork's own.
  insert into public.strategies as s
  select f.*
  from jsonb_populate_record(
    null::public.strategies,
    v_document || jsonb_build_object(
      'id', gen_random_uuid(),
      'user_id', v_user_id,
      'name', coalesce(fork_strategy.name, v_document ->> 'name'),
      'is_public', false,
      'forked_from', fork_strategy.strategy_id,
      'current_version', 1,
      'created_at', now(),
      'updated_at', now()
    )
  ) as f
  returning s.id into v_fork_id;

  -- Parameters that the source omits get the defaults that its reader saw, also for a component that keeps no more than
  -- its indicator's name.
  perform private.replace_components(
    v_fork_id,
    v_user_id,
    private.adopt_components(v_fork_id, v_user_id, v_document -> 'components')
  );

  return private.complete_strategy_document(private.write_version(v_fork_id));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fork_strategy(strategy_id, name);
end;

comment on function public.fork_strategy(uuid, text) is
  'Copies a strategy that the caller may see into a private one of their own, and answers its document.';

revoke all on function private.fork_strategy, public.fork_strategy from public, anon, authenticated, service_role;
grant execute on function private.fork_strategy, public.fork_strategy to authenticated;

-- Writes the content of an older version over the present content. As any change, that makes a new version.
create function private.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_strategy_id uuid := restore_strategy_version.strategy_id;
  v_document jsonb;
  v_constraint text;
begin
  if restore_strategy_version.version_number is null then
    perform private.raise_error('invalid_argument', 'Give the version to restore.', '{"argument": "version_number"}');
  end if;

  perform private.lock_strategy(v_strategy_id, v_user_id, true);

  select v.config
  into v_document
  from public.strategy_versions as v
  where v.strategy_id = v_strategy_id
    and v.version_number = restore_strategy_version.version_number;

  if v_document is null then
    perform private.raise_error(
      'strategy_version_not_found', 'The strategy has no such version, or no longer: choose one from its history.',
      jsonb_build_object('strategy_id', v_strategy_id, 'version_number', restore_strategy_version.version_number)
    );
  end if;

  -- A version that an older release wrote may lack fields that exist now: these keep their present values.
  v_document := private.strategy_document(v_strategy_id) || v_document;
  perform set_config('pinebase.strategy_writer', 'save', true);
  perform private.write_strategy_document(v_strategy_id, v_document);

  perform private.replace_components(
    v_strategy_id,
    v_user_id,
    private.adopt_components(v_strategy_id, v_user_id, v_document -> 'components')
  );

  return private.complete_strategy_document(private.write_version(v_strategy_id, restore_strategy_version.notes));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.restore_strategy_version(strategy_id, version_number, notes);
end;

comment on function public.restore_strategy_version(uuid, integer, text) is
  'Makes a strategy of the caller''s what it was in one of its versions, as a new version, and answers its document.';

revoke all on function private.restore_strategy_version, public.restore_strategy_version
  from public, anon, authenticated, service_role;
grant execute on function private.restore_strategy_version, public.restore_strategy_version to authenticated;

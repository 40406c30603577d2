-- Writes the version of the running transaction: at most one for each strategy, and none if the transaction leaves
-- the content as it was. A later statement of the same transaction rewrites that version, or removes it.
-- The caller holds the lock on the strategy's row, so numbers have no gaps and no two writers get the same one.
create function private.write_version(strategy_id uuid, notes text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Fields of the document that are not content of the strategy.
  v_incidental text[] := array['version_number', 'is_public', 'created_at', 'updated_at', 'author', 'forked_from'];
  v_id uuid := private.version_id(write_version.strategy_id);
  v_document jsonb := private.strategy_document(write_version.strategy_id);
  v_content jsonb := v_document - v_incidental;
  v_base_number integer;
  v_base_content jsonb;
  v_number integer;
begin
  -- The functions that save a strategy in several statements end with this call: see private.save_strategy().
  perform set_config('pinebase.strategy_writer', '', true);

  -- A small document cannot print as a large one: its numbers are known to be doubles.
  if pg_column_size(v_document) > 4096 then
    perform private.check_json(v_document, 131072, 'strategy');
  end if;

  select v.version_number, v.config - v_incidental
  into v_base_number, v_base_content
  from public.strategy_versions as v
  where v.strategy_id = write_version.strategy_id
    and v.id <> v_id
  order by v.version_number desc
  limit 1;

  if v_base_content <> v_content
    and v_content @> '{"components": [{"indicator_id": null}]}'
    and jsonb_typeof(v_base_content -> 'components') = 'array'
  then
    v_base_content := private.without_gone_indicators(v_base_content);
  end if;

  if v_base_content = v_content then
    -- No version stores the notes, so no constraint checks them.
    perform private.check_argument('strategy_versions_notes_length', write_version.notes);
    v_number := v_base_number;
    delete from public.strategy_versions as v
    where v.id = v_id;
  else
    -- Without an older version, a new strategy has the number of its first version already. The same holds for the
    -- second write of a transaction where the plan keeps one version, because the first write removed the older one.
    v_number := coalesce(v_base_number + 1, (v_document ->> 'version_number')::integer);
    insert into public.strategy_versions as v (id, strategy_id, user_id, version_number, config, notes)
    select
      v_id, s.id, s.user_id, v_number, v_document || jsonb_build_object('version_number', v_number),
      write_version.notes
    from public.strategies as s
    where s.id = write_version.strategy_id
    on conflict (id) do update
      set config = excluded.config,
          notes = coalesce(excluded.notes, v.notes);
  end if;

  update public.strategies as s
  set current_version = v_number
  where s.id = write_version.strategy_id
    and s.current_version <> v_number;

  -- Most strategies have no more versions than the smallest plan keeps, so the plan is rarely looked up.
  if v_number > (select min(p.max_versions) from public.plans as p) then
    delete from public.strategy_versions as v
    where v.strategy_id = write_version.strategy_id
      and v.version_number <= private.last_pruned_version(write_version.strategy_id);
  end if;

  return v_document || jsonb_build_object('version_number', v_number);
end;
$$;

revoke all on function private.write_version from public, anon, authenticated, service_role;

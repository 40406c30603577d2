-- Settles the marked change of a strategy: at most one version for a transaction, none
-- where it ends as it began. The strategy's row is locked by whoever marked it, so
-- numbers have no gaps and no two writers get the same.
create function private.settle_strategy(strategy_id uuid, notes text default null)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Fields of the document that are not content of the strategy.
  v_incidental text[] := array['version_number', 'is_public', 'created_at', 'updated_at', 'author', 'forked_from'];
  v_written integer;
  v_document jsonb;
  v_content jsonb;
  v_base_number integer;
  v_base_content jsonb;
  v_number integer;
  v_oldest integer;
begin
  select h.written_version, h.oldest_kept
  into v_written, v_oldest
  from private.strategy_histories as h
  where h.strategy_id = settle_strategy.strategy_id
    and not h.is_settled;

  -- The change is settled already, or the strategy was deleted.
  if not found then
    return;
  end if;

  v_document := private.strategy_document(settle_strategy.strategy_id);
  v_content := v_document - v_incidental;

  -- A small document cannot print as a large one: its numbers are known to be doubles.
  if pg_column_size(v_document) > 4096 then
    perform private.check_json(v_document, 131072, 'strategy');
  end if;

  select v.version_number, v.config - v_incidental
  into v_base_number, v_base_content
  from public.strategy_versions as v
  where v.strategy_id = settle_strategy.strategy_id
    and (v_written is null or v.version_number < v_written)
  order by v.version_number desc
  limit 1;

  if v_base_content <> v_content
    and v_content @> '{"components": [{"indicator_id": null}]}'
    and jsonb_typeof(v_base_content -> 'components') = 'array'
  then
    v_base_content := private.without_gone_indicators(v_base_content);
  end if;

  if v_base_content = v_content then
    v_number := v_base_number;
    if v_written is not null then
      delete from public.strategy_versions as v
      where v.strategy_id = settle_strategy.strategy_id
        and v.version_number = v_written;
      v_written := null;
    end if;
  else
    v_number := coalesce(v_written, v_base_number + 1, 1);
    v_document := v_document || jsonb_build_object('version_number', v_number);
    if v_written is not null then
      update public.strategy_versions as v
      set config = v_document,
          notes = coalesce(settle_strategy.notes, v.notes)
      where v.strategy_id = settle_strategy.strategy_id
        and v.version_number = v_written;
    else
      insert into public.strategy_versions (strategy_id, user_id, version_number, config, notes)
      select s.id, s.user_id, v_number, v_document, settle_strategy.notes
      from public.strategies as s
      where s.id = settle_strategy.strategy_id;
      v_written := v_number;
    end if;
  end if;

  update public.strategies as s
  set current_version = v_number
  where s.id = settle_strategy.strategy_id
    and s.current_version <> v_number;

  -- Who has no more versions than the smallest plan keeps, and that is nearly
  -- everybody, needs no look at the plan.
  if v_number - v_oldest >= (select min(p.max_versions) from public.plans as p) then
    select greatest(v_oldest, v_number - p.max_versions + 1)
    into v_oldest
    from public.strategies as s
    cross join lateral private.plan_of(s.user_id) as p
    where s.id = settle_strategy.strategy_id;
  end if;

  update private.strategy_histories as h
  set is_settled = true,
      written_version = v_written,
      oldest_kept = v_oldest
  where h.strategy_id = settle_strategy.strategy_id;

  delete from public.strategy_versions as v
  where v.strategy_id = settle_strategy.strategy_id
    and v.version_number < v_oldest;
end;
$$;

comment on function private.settle_strategy(uuid, text) is
  'Writes, rewrites or takes back the version of the current transaction, and prunes versions beyond the plan''s number.';

revoke all on function private.settle_strategy from public, anon, authenticated, service_role;

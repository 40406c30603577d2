-- Copies the rows of schema legacy into Pinebase's tables. Rows that are there already are left as they are, so
-- that it can run again. One row that is refused takes no other with it: each has its own subtransaction, and
-- what was wrong with it goes to the report.
create temporary table adoption_report (
  table_name text not null,
  row_id text not null,
  -- imported, changed (imported, but not as it was) or refused
  outcome text not null,
  reason text
) on commit drop;

-- Library indicators that both have, by name: the legacy id and ours.
create temporary table adoption_indicators (
  legacy_id uuid primary key,
  id uuid not null
) on commit drop;

create function pg_temp.import_users()
returns void
language plpgsql
as $$
declare
  v record;
begin
  for v in
    select l.*
    from legacy.users as l
    where not exists (
      select
      from public.credit_transactions as t
      where t.user_id = l.id
        and t.kind = 'import'
        and t.idempotency_key = 'adopted-balance'
    )
    order by l.id
  loop
    begin
      update public.users as u
      set full_name = coalesce(v.full_name, u.full_name),
          preferences = coalesce(v.preferences, u.preferences),
          created_at = coalesce(v.created_at, u.created_at),
          last_login = coalesce(u.last_login, v.last_login)
      where u.id = v.id;

      if not found then
        raise exception 'Auth has no user of this id with an email.';
      end if;

      -- The ledger tells where the balance comes from, also when it stays the same.
      perform private.change_credits(
        v.id, 'import', greatest(coalesce(v.credits, 5), 0) - u.credits, 'Balance before Pinebase', 'adopted-balance'
      )
      from public.users as u
      where u.id = v.id;

      if v.credits < 0 then
        insert into adoption_report values ('users', v.id, 'changed', format('The balance was %s and is 0.', v.credits));
      else
        insert into adoption_report values ('users', v.id, 'imported');
      end if;
    exception
      when others then
        insert into adoption_report values ('users', v.id, 'refused', sqlerrm);
    end;
  end loop;
end;
$$;

create function pg_temp.import_api_keys()
returns void
language plpgsql
as $$
declare
  v record;
begin
  for v in
    select l.*
    from legacy.api_keys as l
    where not exists (select from public.api_keys as k where k.id = l.id)
    order by l.id
  loop
    begin
      insert into public.api_keys
        (id, user_id, provider, key_encrypted, created_at, updated_at, last_used, secret_version)
      values (
        v.id, v.user_id, lower(btrim(v.provider)), v.key_encrypted,
        coalesce(v.created_at, now()), coalesce(v.updated_at, now()), v.last_used, 0
      );
      insert into adoption_report values ('api_keys', v.id, 'imported');
    exception
      when others then
        insert into adoption_report values ('api_keys', v.id, 'refused', sqlerrm);
    end;
  end loop;
end;
$$;

-- What does not read as a parameter schema is left out rather than the indicator.
create function pg_temp.import_indicators()
returns void
language plpgsql
as $$
declare
  v record;
  v_reason text;
begin
  insert into adoption_indicators (legacy_id, id)
  select l.id, i.id
  from legacy.indicators as l
  join public.indicators as i on i.id = l.id or lower(i.name) = lower(btrim(l.name));

  for v in
    select l.*
    from legacy.indicators as l
    where not exists (select from adoption_indicators as a where a.legacy_id = l.id)
    order by l.id
  loop
    begin
      v_reason := case
        when jsonb_typeof(v.parameters) = 'object' then private.parameter_schema_fault(v.parameters)
        else '{"type": "object"}'
      end;
      insert into public.indicators
        (id, name, description, category, type, parameters, defaults, created_at, created_by, is_custom, is_public, accuracy_rating)
      values (
        v.id, btrim(v.name), v.description, v.category, v.type,
        case when v_reason is null then v.parameters else '{}' end,
        v.defaults, coalesce(v.created_at, now()), v.created_by,
        coalesce(v.is_custom, false), coalesce(v.is_public, true), v.accuracy_rating
      );
      insert into adoption_indicators values (v.id, v.id);
      insert into adoption_report values (
        'indicators', v.id,
        case when v_reason is null then 'imported' else 'changed' end,
        'Its parameters are no parameter schema and were left out: ' || v_reason
      );
    exception
      when others then
        insert into adoption_report values ('indicators', v.id, 'refused', sqlerrm);
    end;
  end loop;
end;
$$;

create function pg_temp.import_custom_indicators()
returns void
language plpgsql
as $$
declare
  v record;
  v_reason text;
begin
  for v in
    select l.*
    from legacy.custom_indicators as l
    where not exists (select from public.custom_indicators as i where i.id = l.id)
    order by l.id
  loop
    begin
      v_reason := case
        when jsonb_typeof(v.parameters) = 'object' then private.parameter_schema_fault(v.parameters)
        else '{"type": "object"}'
      end;
      insert into public.custom_indicators
        (id, user_id, name, description, category, type, parameters, pine_script, is_public, created_at, updated_at)
      values (
        v.id, v.user_id, v.name, v.description, v.category, v.type,
        case when v_reason is null then v.parameters else '{}' end,
        v.pine_script, coalesce(v.is_public, false), coalesce(v.created_at, now()), coalesce(v.updated_at, now())
      );
      insert into adoption_report values (
        'custom_indicators', v.id,
        case when v_reason is null then 'imported' else 'changed' end,
        'Its parameters are no parameter schema and were left out: ' || v_reason
      );
    exception
      when others then
        insert into adoption_report values ('custom_indicators', v.id, 'refused', sqlerrm);
    end;
  end loop;
end;
$$;

create function pg_temp.import_subscriptions(plans jsonb)
returns void
language plpgsql
as $$
declare
  v record;
begin
  for v in
    select l.*
    from legacy.subscriptions as l
    where not exists (select from public.subscriptions as s where s.id = l.id)
    order by l.id
  loop
    begin
      insert into public.subscriptions (
        id, user_id, status, provider, provider_subscription_id, plan_type,
        current_period_start, current_period_end, created_at, updated_at
      )
      values (
        v.id, v.user_id, v.status, v.provider, v.provider_subscription_id,
        coalesce(import_subscriptions.plans ->> v.plan_type, v.plan_type),
        v.current_period_start, v.current_period_end, coalesce(v.created_at, now()), coalesce(v.updated_at, now())
      );
      insert into adoption_report values ('subscriptions', v.id, 'imported');
    exception
      when others then
        insert into adoption_report values ('subscriptions', v.id, 'refused', sqlerrm);
    end;
  end loop;

  perform private.refresh_premium(l.id)
  from legacy.users as l;

  insert into adoption_report
  select
    'users', l.id, 'changed',
    'Was premium, and no imported subscription says until when: see grant_premium().'
  from legacy.users as l
  join public.users as u on u.id = l.id
  where l.is_premium
    and not u.is_premium;
end;
$$;

-- A strategy, its components and its versions are one: a version's document needs the components.
create function pg_temp.import_strategies()
returns void
language plpgsql
as $$
declare
  v record;
  c record;
  v_versions integer;
begin
  for v in
    select l.*
    from legacy.strategies as l
    where not exists (select from public.strategies as s where s.id = l.id)
    order by l.id
  loop
    begin
      insert into public.strategies
        (id, user_id, name, description, created_at, updated_at, is_ai_generated, is_public, market_type, timeframe, config)
      values (
        v.id, v.user_id, v.name, v.description, coalesce(v.created_at, now()), coalesce(v.updated_at, now()),
        coalesce(v.is_ai_generated, false), coalesce(v.is_public, false), v.market_type, v.timeframe, v.config
      );
      insert into adoption_report values ('strategies', v.id, 'imported');
    exception
      when others then
        insert into adoption_report values ('strategies', v.id, 'refused', sqlerrm);
        insert into adoption_report
        select 'strategy_components', l.id, 'refused', 'Its strategy was refused.'
        from legacy.strategy_components as l
        where l.strategy_id = v.id
        union all
        select 'strategy_versions', l.id, 'refused', 'Its strategy was refused.'
        from legacy.strategy_versions as l
        where l.strategy_id = v.id;
        continue;
    end;

    -- Positions could repeat; their order is what counts.
    for c in
      select
        l.id, coalesce(l.is_custom, false) as is_custom, l.component_type, l.parameters, l.indicator_id as legacy_id,
        case
          when l.is_custom then (select i.id from public.custom_indicators as i where i.id = l.indicator_id)
          else (select a.id from adoption_indicators as a where a.legacy_id = l.indicator_id)
        end as indicator_id,
        coalesce(
          (select i.name from legacy.indicators as i where i.id = l.indicator_id),
          (select i.name from legacy.custom_indicators as i where i.id = l.indicator_id)
        ) as indicator_name,
        row_number() over (partition by l.component_type order by l.position, l.created_at, l.id) - 1 as position,
        coalesce(l.created_at, now()) as created_at,
        coalesce(l.updated_at, now()) as updated_at
      from legacy.strategy_components as l
      where l.strategy_id = v.id
    loop
      begin
        insert into public.strategy_components (
          id, strategy_id, user_id, indicator_id, indicator_name, is_custom, component_type, parameters, position,
          created_at, updated_at
        )
        values (
          c.id, v.id, v.user_id, c.indicator_id, left(c.indicator_name, 200), c.is_custom, c.component_type,
          c.parameters, c.position, c.created_at, c.updated_at
        );
        insert into adoption_report values (
          'strategy_components', c.id,
          case when c.indicator_id is null and c.legacy_id is not null then 'changed' else 'imported' end,
          'Its indicator is not there; the name stays.'
        );
      exception
        when others then
          insert into adoption_report values ('strategy_components', c.id, 'refused', sqlerrm);
      end;
    end loop;

    -- The newest keeps its number; those before it have no gaps. They knew the settings alone: the rest of the
    -- document is as the strategy is now.
    insert into adoption_report
    select 'strategy_versions', l.id, 'refused', 'Its config is no object.'
    from legacy.strategy_versions as l
    where l.strategy_id = v.id
      and jsonb_typeof(l.config) <> 'object';

    select count(*)
    into v_versions
    from legacy.strategy_versions as l
    where l.strategy_id = v.id
      and jsonb_typeof(l.config) = 'object';

    for c in
      select
        l.id, l.config, left(l.notes, 4000) as notes, coalesce(l.created_at, now()) as created_at,
        greatest(max(l.version_number) over (), v_versions) - v_versions
          + row_number() over (order by l.version_number) as version_number
      from legacy.strategy_versions as l
      where l.strategy_id = v.id
        and jsonb_typeof(l.config) = 'object'
    loop
      begin
        insert into public.strategy_versions (id, strategy_id, user_id, version_number, created_at, config, notes)
        values (
          c.id, v.id, v.user_id, c.version_number, c.created_at,
          private.strategy_document(v.id) || jsonb_build_object('config', c.config, 'version_number', c.version_number),
          c.notes
        );
        insert into adoption_report values ('strategy_versions', c.id, 'imported');
      exception
        when others then
          insert into adoption_report values ('strategy_versions', c.id, 'refused', sqlerrm);
      end;
    end loop;
  end loop;
end;
$$;

create function pg_temp.import_coupons()
returns void
language plpgsql
as $$
declare
  v record;
begin
  for v in
    select l.*
    from legacy.coupons as l
    where not exists (select from public.coupons as c where c.id = l.id)
    order by l.id
  loop
    begin
      insert into public.coupons
        (id, code, discount_percent, description, is_active, max_uses, current_uses, expiration_date, created_at)
      values (
        v.id, upper(btrim(v.code)), v.discount_percent, v.description, coalesce(v.is_active, true), v.max_uses,
        coalesce(v.current_uses, 0), v.expiration_date, coalesce(v.created_at, now())
      );
      insert into adoption_report values ('coupons', v.id, 'imported');
    exception
      when others then
        insert into adoption_report values ('coupons', v.id, 'refused', sqlerrm);
    end;
  end loop;

  for v in
    select l.*
    from legacy.user_coupons as l
    where not exists (select from public.user_coupons as c where c.id = l.id)
    order by l.id
  loop
    begin
      -- What was used before is spent: no checkout of ours will apply it.
      insert into public.user_coupons (id, user_id, coupon_id, used_at, applied_at)
      values (v.id, v.user_id, v.coupon_id, coalesce(v.used_at, now()), coalesce(v.used_at, now()));
      insert into adoption_report values ('user_coupons', v.id, 'imported');
    exception
      when others then
        insert into adoption_report values ('user_coupons', v.id, 'refused', sqlerrm);
    end;
  end loop;
end;
$$;

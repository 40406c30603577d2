-- Public strategies, newest first. Each page starts after the last row of the page before, so rows that appear
-- meanwhile cause no repeats and no gaps. Every table is read by its keys, and the planner may not read a whole one
-- instead.
--
-- A cursor is created_at in microseconds and the id: 24 bytes, which are 32 characters of base64url without padding.
-- It contains nothing that the row does not show, so it needs no secret.
create function private.list_public_strategies(
  search text,
  market_type text,
  timeframe text,
  page_size integer,
  cursor text
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_page_size integer := coalesce(list_public_strategies.page_size, 20);
  v_query tsquery;
  v_bytes bytea;
  v_microseconds bigint;
  v_after_time timestamptz := 'infinity';
  v_after_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_page jsonb;
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'page_size must be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  end if;
    v_query := private.search_query(list_public_strategies.search);
  perform private.check_argument('strategies_market_type_known', list_public_strategies.market_type);
  perform private.check_argument('strategies_timeframe_known', list_public_strategies.timeframe);

  if list_public_strategies.cursor is not null then
    if list_public_strategies.cursor ~ '^[A-Za-z0-9_-]{32}$' then
      v_bytes := decode(translate(list_public_strategies.cursor, '-_', '+/'), 'base64');
      v_microseconds := ('x' || encode(substr(v_bytes, 1, 8), 'hex'))::bit(64)::bigint;
    end if;

    -- From 2000 to 2200: far more than occurs, and within the range of a timestamp.
    if coalesce(v_microseconds, 0) not between 946684800000000 and 7258118400000000 then
      perform private.raise_error(
        'invalid_argument', 'cursor must be the next_cursor of an earlier page. Omit it for the first page.',
        '{"argument": "cursor"}'
      );
    end if;
    v_after_time := timestamptz '1970-01-01 00:00:00+00' + v_microseconds * interval '1 microsecond';
    v_after_id := encode(substr(v_bytes, 9), 'hex')::uuid;
  end if;

  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.item order by p.place) filter (where p.place <= v_page_size), '[]'),
    'next_cursor', max(p.cursor) filter (where p.place = v_page_size and p.has_next)
  )
  into v_page
  from (
    select
      jsonb_build_object(
        'strategy_id', f.id,
        'name', f.name,
        'description', f.description,
        'market_type', f.market_type,
        'timeframe', f.timeframe,
        'is_public', f.is_public,
        'is_ai_generated', f.is_ai_generated,
        'version_number', f.current_version,
        'created_at', f.created_at,
        'updated_at', f.updated_at,
        'author', (select u.public_name from public.users as u where u.id = f.user_id),
        'forked_from', (select source.id from public.strategies as source where source.id = f.forked_from),
        'fork_count', coalesce((select k.forks from private.strategy_forks as k where k.strategy_id = f.id), 0)
      ) as item,
      translate(
        encode(int8send((extract(epoch from f.created_at) * 1000000)::bigint) || uuid_send(f.id), 'base64'), '+/', '-_'
      ) as cursor,
      found.place,
      lead(true, 1, false) over (order by found.place) as has_next
    from unnest(
      private.find_public_strategies(
        v_query,
        list_public_strategies.market_type,
        list_public_strategies.timeframe,
        v_after_time,
        v_after_id,
        v_page_size + 1
      )
    ) with ordinality as found (id, place)
    join public.strategies as f on f.id = found.id
  ) as p;

  return v_page;
end;
$$;

create function public.list_public_strategies(
  search text default null,
  market_type text default null,
  timeframe text default null,
  page_size integer default null,
  cursor text default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.list_public_strategies(search, market_type, timeframe, page_size, cursor);
end;

comment on function public.list_public_strategies(text, text, text, integer, text) is
  'Public strategies, newest first: {items, next_cursor}. Items are documents without config and components, with fork_count.';

revoke all on function private.list_public_strategies, public.list_public_strategies
  from public, anon, authenticated, service_role;
grant execute on function private.list_public_strategies, public.list_public_strategies
  to anon, authenticated, service_role;

-- Searches those indicators of the library that the caller may see. The indicator with exactly this name comes
-- first, then names that begin with it, then the rest by rank.
create function private.search_indicators(search text, type text, category text, page_size integer, page integer)
returns setof public.indicators
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.reader_id();
  v_page_size integer := coalesce(search_indicators.page_size, 20);
  v_page integer := coalesce(search_indicators.page, 1);
  v_query tsquery := private.search_query(search_indicators.search);
  v_name text := lower(btrim(search_indicators.search));
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'page_size must be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  elsif v_page < 1 then
    perform private.raise_error(
      'invalid_argument', 'page must be 1 or more: pages are counted from 1.', '{"argument": "page", "minimum": 1}'
    );
  elsif char_length(search_indicators.category) > 200 then
    perform private.raise_error(
      'invalid_argument', 'Give a category of at most 200 characters.', '{"argument": "category", "maximum": 200}'
    );
  end if;
  perform private.check_argument('indicators_type_known', search_indicators.type);

  return query
  select
    i.id, i.name, i.description, i.category, i.type, i.parameters, i.defaults,
    i.created_at, i.created_by, i.is_custom, i.is_public, i.accuracy_rating
  from public.indicators as i
  cross join lateral (
    select private.search_words(i.name, i.category || ' ' || i.type, i.description)
  ) as w (words)
  where (i.is_public or i.created_by = v_user_id)
    and (search_indicators.type is null or i.type = search_indicators.type)
    and (search_indicators.category is null or lower(i.category) = lower(btrim(search_indicators.category)))
    and (v_query is null or w.words @@ v_query)
  order by
    lower(i.name) = v_name desc,
    starts_with(lower(i.name), v_name) desc,
    ts_rank(w.words, v_query) desc,
    lower(i.name),
    i.id
  limit v_page_size
  offset (v_page - 1)::bigint * v_page_size;
end;
$$;

create function public.search_indicators(
  search text default null,
  type text default null,
  category text default null,
  page_size integer default null,
  page integer default null
)
returns setof public.indicators
language sql
stable
security invoker
set search_path = ''
begin atomic
  select i from private.search_indicators(search, type, category, page_size, page) as i;
end;

comment on function public.search_indicators(text, text, text, integer, integer) is
  'Indicators by words, type and category, best match first; pages of page_size (1 to 100, 20 by default), from 1.';

revoke all on function private.search_indicators, public.search_indicators
  from public, anon, authenticated, service_role;
grant execute on function private.search_indicators, public.search_indicators to anon, authenticated, service_role;

-- Turns what a user typed into a full-text query: each word must be found, as the beginning of a word or by its
-- stem. Returns null where nothing was typed that can be searched. The length is checked before anything is parsed,
-- because parsing 200 KB takes seconds.
create function private.search_query(search text)
returns tsquery
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_words text;
begin
  if char_length(search_query.search) > 200 then
    perform private.raise_error(
      'invalid_argument', 'search must have at most 200 characters.', '{"argument": "search", "maximum": 200}'
    );
  end if;

  select string_agg(t.word || ':*', ' & ')
  into v_words
  from regexp_split_to_table(lower(search_query.search), '[^[:alnum:]]+') as t (word)
  where t.word <> '';

  return to_tsquery('simple', v_words) || to_tsquery('english', v_words);
end;
$$;

revoke all on function private.search_query from public, anon, authenticated, service_role;

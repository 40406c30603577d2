-- The words of a text for a search, by weight: title, keywords, then body. Each word is indexed twice: as written,
-- so that its beginning finds it, and by its stem, so that "averages" finds "average". Everything but letters and
-- digits becomes a space, or the parser would take "a/b" for a file name. An index uses this function, so every role
-- that writes an indicator needs the privilege to call it.
create function private.search_words(title text, keywords text, body text)
returns tsvector
language sql
immutable
parallel safe
security invoker
set search_path = ''
return
  setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.keywords, ''), '[^[:alnum:]]+', ' ', 'g')), 'B')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'C')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'D');

revoke all on function private.search_words from public, anon, authenticated, service_role;
grant execute on function private.search_words to service_role;

-- The words of a text for a search, by weight: the title first, then where it belongs, then
-- the text. Each twice: as written, so that the beginning of a word finds it, and by its
-- stem, so that "averages" finds an average. Anything but letters and digits is a space, or
-- the parser takes "a/b" for a file's name. It stands in an index, so whoever writes an
-- indicator needs the right to call it.
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

comment on function private.search_words(text, text, text) is
  'The words of a title, its keywords and its text as a weighted tsvector, as written and by their stems.';

revoke all on function private.search_words from public, anon, authenticated, service_role;
grant execute on function private.search_words to service_role;

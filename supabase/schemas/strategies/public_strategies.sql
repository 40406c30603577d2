-- The public page: what list_public_strategies() looks through, one row for each strategy
-- that is published.
--
-- A search that is asked of the strategies themselves depends on the planner's guess of how
-- many rows hold a word: where it guesses wrong, a search without hits reads every public
-- strategy. Here the words are stored, so that reading a row's words costs little, and the
-- search in find_public_strategies() decides by what it has seen. The rows are small, private strategies have
-- none, and clients never see the stored words.
create table private.public_strategies (
  strategy_id uuid primary key references public.strategies (id) on delete cascade,
  created_at timestamptz not null,
  market_type text,
  timeframe text,
  words tsvector not null
);

create index public_strategies_page_idx on private.public_strategies (created_at desc, strategy_id desc);

create index public_strategies_market_idx
  on private.public_strategies (market_type, timeframe, created_at desc, strategy_id desc);

create index public_strategies_market_page_idx
  on private.public_strategies (market_type, created_at desc, strategy_id desc);

create index public_strategies_timeframe_page_idx
  on private.public_strategies (timeframe, created_at desc, strategy_id desc);

create index public_strategies_words_idx on private.public_strategies using gin (words);

comment on table private.public_strategies is
  'Published strategies with their words for the search; kept by a trigger on strategies.';

revoke all on private.public_strategies from public, anon, authenticated, service_role;

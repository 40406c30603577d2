-- One row for each published strategy, which list_public_strategies() searches. A search in public.strategies itself
-- would depend on the planner's estimate of how many rows contain a word: where it is wrong, a search without hits
-- reads every public strategy. Here the words are stored, so reading them costs little, and find_public_strategies()
-- decides by what it has found. Private strategies have no row, and clients never see the stored words.
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
  'Published strategies with their words for the search; kept up to date by a trigger on strategies.';

revoke all on private.public_strategies from public, anon, authenticated, service_role;

-- Refuses what the tables' checks would refuse, with the name of the argument.
create function private.check_strategy_arguments(
  name text,
  description text,
  market_type text,
  timeframe text,
  config jsonb,
  notes text
)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if char_length(check_strategy_arguments.name) > 200 or check_strategy_arguments.name !~ '\S' then
    perform private.raise_error(
      'invalid_argument', 'Give the strategy a name of 1 to 200 characters.', '{"argument": "name", "maximum": 200}'
    );
  elsif char_length(check_strategy_arguments.description) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'Shorten the description to 4000 characters.', '{"argument": "description", "maximum": 4000}'
    );
  elsif check_strategy_arguments.market_type not in ('futures', 'stocks', 'crypto', 'forex') then
    perform private.raise_error(
      'invalid_argument', 'market_type must be one of futures, stocks, crypto, forex.',
      '{"argument": "market_type", "enum": ["futures", "stocks", "crypto", "forex"]}'
    );
  elsif check_strategy_arguments.timeframe not in ('1m', '5m', '15m', '1h', '4h', '1d') then
    perform private.raise_error(
      'invalid_argument', 'timeframe must be one of 1m, 5m, 15m, 1h, 4h, 1d.',
      '{"argument": "timeframe", "enum": ["1m", "5m", "15m", "1h", "4h", "1d"]}'
    );
  elsif jsonb_typeof(check_strategy_arguments.config) <> 'object' then
    perform private.raise_error(
      'invalid_argument', 'config must be a JSON object.', '{"argument": "config", "type": "object"}'
    );
  elsif char_length(check_strategy_arguments.notes) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'Shorten the notes to 4000 characters.', '{"argument": "notes", "maximum": 4000}'
    );
  end if;
  perform private.check_json(check_strategy_arguments.config, 65536, 'config');
end;
$$;

comment on function private.check_strategy_arguments(text, text, text, text, jsonb, text) is
  'Raises invalid_argument for what a strategy or a version cannot hold; null is left alone.';

revoke all on function private.check_strategy_arguments from public, anon, authenticated, service_role;

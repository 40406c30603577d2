-- Demo data for a local machine: applied once by `npm start` and `supabase db reset`,
-- never on a remote. The users have no password here; `npm start` gives the first one a
-- password that is made on this machine.
--
-- One statement, so that it is one transaction however it is run: a history is written when a
-- transaction commits, and half of the data would keep the rest from being loaded later.
do $seed$
begin
  insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
    confirmation_token, recovery_token, email_change, email_change_token_new
  )
  select
    '00000000-0000-0000-0000-000000000000',
    demo.id,
    'authenticated',
    'authenticated',
    demo.email,
    '',
    now(),
    '{"provider": "email", "providers": ["email"]}',
    jsonb_build_object('full_name', demo.full_name),
    now(),
    now(),
    '',
    '',
    '',
    ''
  from (
    values
      ('d0000000-0000-4000-8000-000000000001'::uuid, 'demo@pinebase.test', 'Demo Trader'),
      ('d0000000-0000-4000-8000-000000000002'::uuid, 'grace@pinebase.test', 'Grace'),
      ('d0000000-0000-4000-8000-000000000003'::uuid, 'linus@pinebase.test', 'Linus')
  ) as demo (id, email, full_name);

  insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at)
  select
    u.id::text,
    u.id,
    jsonb_build_object('sub', u.id, 'email', u.email, 'email_verified', true),
    'email',
    now(),
    now()
  from auth.users as u
  where u.email like '%@pinebase.test';

  -- The first demo user is premium, by hand and for ten years.
  insert into public.subscriptions (
    user_id, status, provider, provider_subscription_id, plan_type, current_period_start, current_period_end, cancel_at
  )
  values (
    'd0000000-0000-4000-8000-000000000001', 'active', 'manual', 'manual:d0000000-0000-4000-8000-000000000001', 'premium_monthly',
    now(), now() + interval '10 years', now() + interval '10 years'
  );

  insert into public.coupons (code, discount_percent, description, max_uses)
  values
    ('WELCOME-20', 20, 'A fifth off the first invoice', null),
    ('EARLY-50', 50, 'Half off the first invoice, for the first hundred', 100);

  insert into public.strategies (id, user_id, name, description, market_type, timeframe, is_public, config)
  values
    (
      'd1000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001',
      'Golden cross', 'Buys when the short average crosses the long one upwards.',
      'stocks', '1d', true, '{"risk_per_trade": 0.01, "direction": "long"}'
    ),
    (
      'd1000000-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000001',
      'Night range', 'A sketch that is not for others yet.',
      'futures', '15m', false, '{"risk_per_trade": 0.005, "direction": "both"}'
    ),
    (
      'd1000000-0000-4000-8000-000000000003', 'd0000000-0000-4000-8000-000000000002',
      'Crypto breakout', 'Follows a break of the twenty-day range.',
      'crypto', '4h', true, '{"risk_per_trade": 0.02, "direction": "long"}'
    ),
    (
      'd1000000-0000-4000-8000-000000000004', 'd0000000-0000-4000-8000-000000000003',
      'First steps', null,
      'forex', '1h', false, '{"direction": "both"}'
    );

  -- Ten indicators of the library. What a component leaves out has the indicator's default.
  insert into public.strategy_components (strategy_id, user_id, component_type, position, indicator_id, parameters)
  select
    s.id,
    s.user_id,
    demo.component_type,
    demo.position,
    i.id,
    demo.parameters
  from (
    values
      ('Golden cross', 'trend', 0, 'ADX', '{"threshold": 20}'::jsonb),
      ('Golden cross', 'entry', 0, 'Moving Average Cross', '{"fast_length": 50, "slow_length": 200}'),
      ('Golden cross', 'entry', 1, 'RSI', '{"overbought": 75}'),
      ('Golden cross', 'exit', 0, 'Trend Reversal Exit', '{"length": 50}'),
      ('Golden cross', 'stop_loss', 0, 'ATR Stop', '{"multiplier": 2.5}'),
      ('Night range', 'entry', 0, 'Bollinger Bands', '{"length": 20, "multiplier": 2}'),
      ('Night range', 'stop_loss', 0, 'Percent Stop', '{"percent": 1}'),
      ('Crypto breakout', 'trend', 0, 'Supertrend', '{}'),
      ('Crypto breakout', 'entry', 0, 'Donchian Channels', '{"length": 20}'),
      ('Crypto breakout', 'stop_loss', 0, 'ATR Stop', '{"atr_length": 20}'),
      ('First steps', 'entry', 0, 'MACD', '{}')
  ) as demo (strategy, component_type, position, indicator, parameters)
  join public.strategies as s on s.name = demo.strategy
  join public.indicators as i on i.name = demo.indicator
  where s.id between 'd1000000-0000-4000-8000-000000000001' and 'd1000000-0000-4000-8000-000000000004';

  -- A past for the first strategy: its present version becomes the fifth, after four earlier ones, each the present
  -- document with what was different then.
  update public.strategy_versions as v
  set version_number = 5,
      config = v.config || '{"version_number": 5}'
  where v.strategy_id = 'd1000000-0000-4000-8000-000000000001';

  update public.strategies as s
  set current_version = 5
  where s.id = 'd1000000-0000-4000-8000-000000000001';

  insert into public.strategy_versions (strategy_id, user_id, version_number, created_at, notes, config)
  select
    s.id,
    s.user_id,
    past.version_number,
    now() - past.days_ago * interval '1 day',
    past.notes,
    private.strategy_document(s.id)
      || jsonb_build_object('version_number', past.version_number, 'is_public', false)
      || past.difference
  from public.strategies as s
  cross join (
    values
      (1, 40, 'A name and an idea', '{"name": "Cross", "description": null, "components": []}'::jsonb),
      (2, 33, 'Said what it does', '{"name": "Cross", "components": []}'),
      (3, 12, 'Composed', '{"timeframe": "4h", "config": {"risk_per_trade": 0.02, "direction": "long"}}'),
      (4, 5, 'Four hours were too restless', '{"config": {"risk_per_trade": 0.02, "direction": "long"}}')
  ) as past (version_number, days_ago, notes, difference)
  where s.id = 'd1000000-0000-4000-8000-000000000001';
end;
$seed$;

-- Demo data for a local machine: applied once by `npm start` and `supabase db reset`,
-- never on a remote. The users have no password here; `npm start` gives the first one a
-- password that is made on this machine.

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
insert into public.subscriptions (user_id, status, provider, plan_type, current_period_start)
values ('d0000000-0000-4000-8000-000000000001', 'active', 'manual', 'premium_monthly', now());

update public.users
set premium_until = now() + interval '10 years'
where id = 'd0000000-0000-4000-8000-000000000001';

insert into public.coupons (code, discount_percent, description, max_uses)
values
  ('WELCOME-20', 20, 'A fifth off the first invoice', null),
  ('EARLY-50', 50, 'Half off the first invoice, for the first hundred', 100);

insert into public.strategies (user_id, name, description, market_type, timeframe, is_public, config)
values
  (
    'd0000000-0000-4000-8000-000000000001', 'Golden cross', 'Buys when the short average crosses the long one upwards.',
    'stocks', '1d', true, '{"risk_per_trade": 0.01, "direction": "long"}'
  ),
  (
    'd0000000-0000-4000-8000-000000000001', 'Night range', 'A sketch that is not for others yet.',
    'futures', '15m', false, '{"risk_per_trade": 0.005, "direction": "both"}'
  ),
  (
    'd0000000-0000-4000-8000-000000000002', 'Crypto breakout', 'Follows a break of the twenty-day range.',
    'crypto', '4h', true, '{"risk_per_trade": 0.02, "direction": "long"}'
  );

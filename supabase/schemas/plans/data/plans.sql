-- Every plan that ships limits everything that a user may have, so that the storage of an account is bounded: at
-- most max_strategies times max_versions documents of 128 KiB. An operator may remove the limit of strategies with
-- null.
insert into public.plans
  (plan_type, name, is_premium, monthly_credits, max_strategies, max_versions, max_custom_indicators)
values
  ('free', 'Free', false, 0, 25, 50, 0),
  ('premium_monthly', 'Premium, monthly', true, 100, 1000, 500, 100),
  ('premium_yearly', 'Premium, yearly', true, 100, 1000, 500, 100);

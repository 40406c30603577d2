insert into public.credit_packs (pack_type, name, credits)
values
  ('credits_100', '100 credits', 100),
  ('credits_1000', '1,000 credits', 1000);

-- Takes back packs and prices. Destroys the prices: note the providers' ids before.
drop table public.prices;
drop table public.credit_packs;

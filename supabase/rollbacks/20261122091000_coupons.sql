-- Takes back coupons. Destroys every coupon and redemption.
drop table public.user_coupons;
drop table public.coupons;

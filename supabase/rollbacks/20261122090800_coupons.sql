-- Rolls back coupons. Destroys every coupon and redemption.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop table public.user_coupons;
drop function public.redeem_coupon(uuid, text);
drop function private.redeem_coupon(uuid, text);
drop function public.preview_coupon(uuid, text);
drop function private.preview_coupon(uuid, text);
drop function private.normalize_coupon_code(text);
drop function private.coupon_refusal(uuid, text);
drop function private.coupon_document(public.coupons);
drop function private.count_coupon_attempt(uuid);
drop table public.coupons;

-- Takes back coupons. Destroys every coupon and redemption.
drop function public.preview_coupon(uuid, text);
drop function private.preview_coupon(uuid, text);
drop function public.redeem_coupon(uuid, text);
drop function private.redeem_coupon(uuid, text);
drop function private.coupon_refusal(uuid, text);
drop function private.count_coupon_attempt(uuid);
drop table public.user_coupons;
drop function private.coupon_document(public.coupons);
drop table public.coupons;
drop function private.normalize_coupon_code(text);

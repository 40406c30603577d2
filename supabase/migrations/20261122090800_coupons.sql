-- Made from supabase/schemas/coupons/ by `npm run db:diff -- --first`: change it there.

-- Coupons: discount codes. No client reads them, or codes could be listed. Users try a code by the edge function
-- redeem-coupon, which counts attempts.
create table public.coupons (
  id uuid primary key default gen_random_uuid(),
  code text not null,
  discount_percent integer not null,
  description text,
  is_active boolean not null default true,
  max_uses integer,
  current_uses integer not null default 0,
  expiration_date timestamptz,
  created_at timestamptz not null default now(),
  duration text not null default 'once',
  stripe_coupon_id text,
  constraint idx_coupons_code unique (code),
  -- Upper case, so that a code is the same however it was typed.
  constraint coupons_code_form check (code ~ '^[A-Z0-9][A-Z0-9_-]{2,63}$'),
  constraint coupons_discount_percent_range check (discount_percent between 1 and 100),
  constraint coupons_description_length check (char_length(description) <= 4000),
  constraint coupons_current_uses_not_negative check (current_uses >= 0),
  constraint coupons_current_uses_within_max check (current_uses <= max_uses),
  constraint coupons_duration_known check (duration in ('once', 'forever'))
);

comment on table public.coupons is 'Discount codes. Not readable by clients, so that nobody can list them.';
comment on column public.coupons.discount_percent is '1 to 100.';
comment on column public.coupons.max_uses is 'How many users may redeem it; null for no limit.';
comment on column public.coupons.current_uses is 'How many users have redeemed it; never more than max_uses.';
comment on column public.coupons.expiration_date is 'From this time on it cannot be redeemed; null for never.';
comment on column public.coupons.duration is 'once: the first invoice; forever: every invoice.';
comment on column public.coupons.stripe_coupon_id is 'Id of the Stripe coupon with the same discount, created when a checkout first needs it.';

alter table public.coupons enable row level security;

revoke all on public.coupons from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.coupons to service_role;

-- Codes can be guessed, so a user has ten attempts in ten minutes, right or wrong, redeeming or previewing. The
-- attempt is counted before the code is read. Returns null where it is allowed. A refusal is returned and not
-- raised, because raising would undo the count.
create function private.count_coupon_attempt(user_id uuid)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if count_coupon_attempt.user_id is null then
    perform private.raise_error('invalid_argument', 'Give the id of the user who redeems the code.', '{"argument": "user_id"}');
  end if;

  return private.refuse_attempt(
    'try_coupon', count_coupon_attempt.user_id, 10, interval '10 minutes',
    'Too many codes were tried: wait before the next one.'
  );
end;
$$;

revoke all on function private.count_coupon_attempt from public, anon, authenticated, service_role;

-- What a user who has the code may see of a coupon: {code, discount_percent, description, expires_at}. How often it
-- may be used, and has been, is left out.
create function private.coupon_document(coupon public.coupons)
returns jsonb
language sql
stable
security invoker
set search_path = ''
return jsonb_build_object(
  'code', (coupon_document.coupon).code,
  'discount_percent', (coupon_document.coupon).discount_percent,
  'description', (coupon_document.coupon).description,
  'expires_at', (coupon_document.coupon).expiration_date
);

revoke all on function private.coupon_document from public, anon, authenticated, service_role;

-- Returns why a user cannot redeem this code now, as an error value; null where they can. A coupon that is switched
-- off gives the same error as one that does not exist, so attempts reveal nothing about it.
create function private.coupon_refusal(user_id uuid, code text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_coupon public.coupons;
begin
  if coupon_refusal.code is null then
    return private.error_result('invalid_argument', 'Give a code.', '{"argument": "code"}');
  end if;

  select c.*
  into v_coupon
  from public.coupons as c
  where c.code = private.normalize_coupon_code(coupon_refusal.code)
    and c.is_active;

  if not found then
    return private.error_result('coupon_not_found', 'No coupon has this code: check the spelling.');
  elsif exists (
    select
    from public.user_coupons as r
    where r.user_id = coupon_refusal.user_id
      and r.coupon_id = v_coupon.id
  ) then
    return private.error_result('coupon_already_redeemed', 'You have redeemed this coupon before.');
  elsif v_coupon.expiration_date <= now() then
    return private.error_result(
      'coupon_expired', 'This coupon has expired.', jsonb_build_object('expires_at', v_coupon.expiration_date)
    );
  elsif v_coupon.current_uses >= v_coupon.max_uses then
    return private.error_result('coupon_exhausted', 'All uses of this coupon are taken.');
  end if;

  return null;
end;
$$;

revoke all on function private.coupon_refusal from public, anon, authenticated, service_role;

-- A code as public.coupons stores it: upper case without surrounding white space, so that typing does not matter.
-- Only ASCII letters change, because a code has no others.
create function private.normalize_coupon_code(code text)
returns text
language sql
immutable
security invoker
set search_path = ''
return upper(btrim(normalize_coupon_code.code, E' \t\n\v\f\r\u00a0') collate "C");

revoke all on function private.normalize_coupon_code from public, anon, authenticated, service_role;

create function private.preview_coupon(user_id uuid, code text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb := private.count_coupon_attempt(preview_coupon.user_id);
  v_coupon jsonb;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_refusal := private.coupon_refusal(preview_coupon.user_id, preview_coupon.code);

  if v_refusal is not null then
    return v_refusal;
  end if;

  select private.coupon_document(c)
  into v_coupon
  from public.coupons as c
  where c.code = private.normalize_coupon_code(preview_coupon.code);

  return jsonb_build_object('ok', true, 'coupon', v_coupon);
end;
$$;

create function public.preview_coupon(user_id uuid, code text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.preview_coupon(user_id, code);
end;

comment on function public.preview_coupon(uuid, text) is
  'What redeeming a code would give a user: {ok: true, coupon} or {ok: false, error}. Counts as an attempt and redeems nothing.';

revoke all on function private.preview_coupon, public.preview_coupon from public, anon, authenticated, service_role;
grant execute on function private.preview_coupon, public.preview_coupon to service_role;

-- One statement takes a use of the coupon and writes the redemption: the update finds only a coupon that has a use
-- left, the insert takes the row that it returns, and the coupon stays locked only from there to the commit. The
-- reason of a refusal is looked up afterwards, when nothing depends on it any more.
--
-- The user's own row is locked first, where no other user waits. So requests that one user sends at once run one
-- after the other, each seeing the result of the one before, and the account cannot be deleted in between. The
-- unique key would refuse a second redemption in any case.
create function private.redeem_coupon(user_id uuid, code text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb := private.count_coupon_attempt(redeem_coupon.user_id);
  v_code text := private.normalize_coupon_code(redeem_coupon.code);
  v_coupon jsonb;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;

  if not private.lock_account(redeem_coupon.user_id) then
    return private.error_result('user_not_found', 'No account has this id.');
  end if;

  with taken as (
    update public.coupons as c
    set current_uses = c.current_uses + 1
    where c.code = v_code
      and c.is_active
      and (c.expiration_date > now() or c.expiration_date is null)
      and (c.current_uses < c.max_uses or c.max_uses is null)
      and not exists (
        select
        from public.user_coupons as r
        where r.user_id = redeem_coupon.user_id
          and r.coupon_id = c.id
      )
    returning c.id, private.coupon_document(c) as document
  ),
  redeemed as (
    insert into public.user_coupons (user_id, coupon_id)
    select redeem_coupon.user_id, t.id
    from taken as t
  )
  select t.document
  into v_coupon
  from taken as t;

  if found then
    return jsonb_build_object('ok', true, 'coupon', v_coupon);
  end if;

  -- The reason may have disappeared since the update, where another transaction has made room. The code is refused
  -- all the same.
  return coalesce(
    private.coupon_refusal(redeem_coupon.user_id, redeem_coupon.code),
    private.error_result('coupon_exhausted', 'All uses of this coupon were taken just now: try once more.')
  );
end;
$$;

create function public.redeem_coupon(user_id uuid, code text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.redeem_coupon(user_id, code);
end;

comment on function public.redeem_coupon(uuid, text) is
  'Redeems a code for a user: {ok: true, coupon} or {ok: false, error}. Ten attempts in ten minutes, previews included. For the edge function.';

revoke all on function private.redeem_coupon, public.redeem_coupon from public, anon, authenticated, service_role;
grant execute on function private.redeem_coupon, public.redeem_coupon to service_role;

-- Coupon redemptions: one row per user and coupon, written only by functions. Clients read their own. If a client
-- could insert, a user could redeem a coupon without the use being counted against max_uses.
create table public.user_coupons (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  coupon_id uuid not null references public.coupons (id) on delete cascade,
  used_at timestamptz not null default now(),
  checkout_session_id text,
  applied_at timestamptz,
  constraint user_coupons_once_per_user unique (user_id, coupon_id)
);

create index user_coupons_coupon_id_idx on public.user_coupons (coupon_id);

comment on table public.user_coupons is 'Redemptions: which user redeemed which coupon, and the checkout that spent it.';
comment on column public.user_coupons.checkout_session_id is 'The checkout that has reserved or spent it.';
comment on column public.user_coupons.applied_at is 'When that checkout completed; null while unspent.';

alter table public.user_coupons enable row level security;

create policy "users read their own redemptions"
  on public.user_coupons
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.user_coupons
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

revoke all on public.user_coupons from public, anon, authenticated, service_role;
grant select on public.user_coupons to authenticated;
grant select, insert, update, delete on public.user_coupons to service_role;

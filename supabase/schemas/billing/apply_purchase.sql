-- A paid checkout of a pack grants its credits once. What is refunded, or lost in a dispute, takes the same share of
-- the credits back, cumulatively and once. Returns {outcome, reason, user_id, waits_for}.
create function private.apply_purchase(purchase jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := purchase ->> 'provider';
  v_payment jsonb := purchase -> 'payment';
  v_payment_id text := purchase -> 'payment' ->> 'id';
  -- The provider's id may contain characters that an idempotency key may not contain.
  v_key text := pg_catalog.md5(purchase -> 'payment' ->> 'id');
  v_who record;
  v_pack record;
  v_paid private.payments;
  v_due integer;
  v_taken integer;
begin
  select min(p.id::text)::uuid as price_id, sum(k.credits * coalesce((i.item ->> 'quantity')::integer, 1)) as credits
  into v_pack
  from jsonb_array_elements(purchase -> 'items') as i (item)
  join public.prices as p
    on p.provider = v_provider
    and p.provider_price_id = i.item ->> 'price_id'
  join public.credit_packs as k on k.pack_type = p.pack_type;

  select w.user_id, w.outcome, w.reason, w.waits_for
  into v_who
  from private.billing_user(v_provider, purchase ->> 'customer_id', private.uuid_or_null(purchase ->> 'user_id')) as w;

  if v_who.user_id is null then
    if v_pack.price_id is null then
      return jsonb_build_object('outcome', 'ignored', 'reason', 'Neither the customer nor the price is ours.');
    elsif v_who.waits_for = 'deleted' and (v_payment ->> 'amount')::bigint > 0 then
      perform private.raise_flag(
        'money_without_account', v_provider, v_payment_id, private.uuid_or_null(purchase ->> 'user_id'),
        format('%s %s were paid for a pack by a deleted user.', v_payment ->> 'amount', v_payment ->> 'currency'), apply_purchase.as_of
      );
    end if;
    return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason, 'waits_for', v_who.waits_for);
  end if;

  if v_pack.price_id is null then
    return jsonb_build_object(
      'outcome', 'parked',
      'reason', format('No pack has the price %s.', coalesce(purchase -> 'items' -> 0 ->> 'price_id', '(none)')),
      'waits_for', 'price:' || coalesce(purchase -> 'items' -> 0 ->> 'price_id', ''),
      'user_id', v_who.user_id
    );
  elsif purchase ->> 'status' <> 'paid' or v_payment_id is null then
    return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);
  end if;

  perform private.lock_account(v_who.user_id);

  insert into private.payments (provider, payment_id, user_id, price_id, paid_at, amount, currency, pack_credits)
  values (
    v_provider, v_payment_id, v_who.user_id, v_pack.price_id, coalesce((v_payment ->> 'paid_at')::timestamptz, apply_purchase.as_of),
    coalesce((v_payment ->> 'amount')::bigint, 0), coalesce(lower(v_payment ->> 'currency'), ''), least(v_pack.credits, 2147483647)
  )
  on conflict on constraint payments_pkey do nothing;

  if found then
    perform private.move_credits(
      v_who.user_id, 'purchase', least(v_pack.credits, 2147483647)::integer, 'A pack of credits', 'purchase:' || v_key, apply_purchase.as_of
    );
  end if;

  if v_payment -> 'refunds' <> '[]' or v_payment -> 'disputes' <> '[]' then
    perform private.record_incidents(
      v_provider, v_payment_id, v_who.user_id, v_payment -> 'refunds', v_payment -> 'disputes', apply_purchase.read_number,
      apply_purchase.as_of
    );
    perform private.refresh_refunded(v_provider, v_payment_id);

    select p.*
    into v_paid
    from private.payments as p
    where p.provider = v_provider
      and p.payment_id = v_payment_id
      and p.user_id = v_who.user_id
      and p.pack_credits is not null;

    v_due := case when v_paid.amount > 0 then floor(v_paid.pack_credits::numeric * v_paid.refunded / v_paid.amount) else 0 end;

    if v_due > v_paid.reversed_credits then
      v_taken := -private.move_credits(
        v_who.user_id, 'reversal', v_paid.reversed_credits - v_due, 'A pack was refunded', format('reversal:%s:%s', v_key, v_due),
        apply_purchase.as_of
      );

      update private.payments as p
      set reversed_credits = v_due,
          missing_credits = p.missing_credits + (v_due - v_paid.reversed_credits - v_taken)
      where p.provider = v_provider
        and p.payment_id = v_payment_id
      returning p.missing_credits into v_paid.missing_credits;

      if v_paid.missing_credits > 0 then
        perform private.raise_flag(
          'credits_not_taken', v_provider, v_payment_id, v_who.user_id,
          format('%s of %s credits of a refunded pack were spent and could not be taken back.', v_paid.missing_credits, v_due),
          apply_purchase.as_of
        );
      end if;
    end if;
  end if;

  return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);
end;
$$;

revoke all on function private.apply_purchase from public, anon, authenticated, service_role;

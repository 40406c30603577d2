import type postgres from "postgres";
import { lookupKey } from "../../lib/stripe-catalog.ts";
import { withConnection } from "../connection.ts";
import type { StripeStandIn } from "./stand-in.ts";
import { secondsNow } from "./store.ts";

/** A price of the database, with the plan or pack that it sells. */
interface Price {
  id: string;
  sells: string;
  name: string;
  is_plan: boolean;
  currency: string;
  unit_amount: number;
  interval: "month" | "year" | null;
  interval_count: number;
  is_current: boolean;
}

/**
 * Gives every plan and pack that has no price one of the stand-in's, so that a checkout works at once. Then makes every
 * price of the database at the stand-in, under the same id.
 *
 * @param databaseUrl as the role postgres
 */
export async function offerCatalog(stripe: StripeStandIn, databaseUrl: string): Promise<void> {
  await withConnection(databaseUrl, async (sql) => {
    // An app's own project may not have the migrations yet.
    const [found] = await sql`select to_regclass('public.prices') is not null as installed`;
    if (!found?.installed) return;
    await setPrices(sql);
    for (const price of await readPrices(sql)) offer(stripe, price);
  });
}

/** Inserts the missing prices: $9 a month, $90 a year, 5 cents a credit. */
async function setPrices(sql: postgres.Sql): Promise<void> {
  await sql`
    with sold as (
      select
        p.plan_type,
        null as pack_type,
        case when p.plan_type like '%\\_yearly' then 'year' else 'month' end as interval,
        case when p.plan_type like '%\\_yearly' then 9000 else 900 end as unit_amount
      from public.plans as p
      where p.is_premium and p.is_active
      union all
      select null, c.pack_type, null, c.credits * 5
      from public.credit_packs as c
      where c.is_active
    )
    insert into public.prices
      (provider, provider_price_id, plan_type, pack_type, currency, unit_amount, interval)
    select
      'stripe',
      'price_stand_in_' || coalesce(s.plan_type, s.pack_type),
      s.plan_type,
      s.pack_type,
      'usd',
      s.unit_amount,
      s.interval
    from sold as s
    where not exists (
      select from public.prices as p
      where p.provider = 'stripe'
        and p.is_current
        and (p.plan_type, p.pack_type) is not distinct from (s.plan_type, s.pack_type)
    )
    on conflict (provider, provider_price_id) do update set is_current = true
  `;
}

function readPrices(sql: postgres.Sql): Promise<Price[]> {
  return sql<Price[]>`
    select
      p.provider_price_id as id,
      coalesce(p.plan_type, p.pack_type) as sells,
      coalesce(l.name, c.name) as name,
      p.plan_type is not null as is_plan,
      p.currency,
      p.unit_amount::float8 as unit_amount,
      p.interval,
      p.interval_count,
      p.is_current
    from public.prices as p
      left join public.plans as l on l.plan_type = p.plan_type
      left join public.credit_packs as c on c.pack_type = p.pack_type
    where p.provider = 'stripe'
  `;
}

function offer(stripe: StripeStandIn, price: Price): void {
  const { id, sells, name, is_plan, currency, unit_amount, is_current } = price;
  const { interval, interval_count } = price;
  // All plans are prices of one product, so that the portal can change between them.
  const product = is_plan ? "pinebase_premium" : `pinebase_${sells}`;
  put(stripe, "product", {
    id: product,
    object: "product",
    name: is_plan ? "Premium" : name,
    active: true,
  });
  put(stripe, "price", {
    id,
    object: "price",
    product,
    nickname: name,
    currency,
    unit_amount,
    recurring: interval && { interval, interval_count },
    lookup_key: is_current ? lookupKey(sells, currency) : null,
    active: is_current,
  });
}

function put(
  stripe: StripeStandIn,
  kind: string,
  fields: { id: string } & Record<string, unknown>,
): void {
  if (stripe.objects(kind).some(({ id }) => id === fields.id)) return;
  stripe.put(kind, { created: secondsNow(), livemode: false, metadata: {}, ...fields });
}

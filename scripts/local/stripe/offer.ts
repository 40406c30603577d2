import postgres from "postgres";
import { nowInSeconds } from "./route.ts";
import type { StripeFake } from "./stand-in.ts";

/** What a plan costs here that nobody has priced, in cents. */
const amounts = { month: 900, year: 9_000 };

/**
 * Makes a product and a price at the stand-in for each plan of the database that costs something, and tells the
 * database of it, so that a checkout works at once. A price that the database knows is made under its id.
 *
 * @param databaseUrl as the role postgres
 */
export async function offerCatalog(stripe: StripeFake, databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const [found] = await sql`select to_regclass('public.plans') is not null as sells`;
    if (!found?.sells) return;
    const plans = await sql<{ plan_type: string; name: string; price: string | null }[]>`
      select p.plan_type, p.name, p.stripe_price_id as price
      from public.plans as p
      where p.is_premium and p.is_active
    `;
    const product = { id: "pinebase_premium", object: "product", name: "Premium", active: true };
    put(stripe, "product", product);
    for (const { plan_type, name, price } of plans) {
      const id = price ?? `price_stand_in_${plan_type}`;
      const interval = plan_type.endsWith("_yearly") ? "year" : "month";
      put(stripe, "price", {
        id,
        object: "price",
        product: product.id,
        nickname: name,
        currency: "usd",
        unit_amount: amounts[interval],
        recurring: { interval, interval_count: 1 },
        lookup_key: plan_type,
        active: true,
      });
      if (price !== null) continue;
      await sql`update public.plans set stripe_price_id = ${id} where plan_type = ${plan_type}`;
    }
  } finally {
    await sql.end();
  }
}

function put(
  stripe: StripeFake,
  kind: string,
  fields: { id: string } & Record<string, unknown>,
): void {
  if (stripe.objects(kind).some(({ id }) => id === fields.id)) return;
  stripe.put(kind, { created: nowInSeconds(), livemode: false, metadata: {}, ...fields });
}

import type { Moment } from "../billing-reference/calendar.ts";
import type { Plan, Price, Provider } from "../billing-reference/truth.ts";

/** The plans that are sold. No two grant the same number of credits, so that a wrong month shows in a sum. */
export const plans = [
  { planType: "basic_monthly", monthlyCredits: 100, months: 1, amount: 900 },
  { planType: "pro_monthly", monthlyCredits: 253, months: 1, amount: 2_400 },
  { planType: "basic_quarterly", monthlyCredits: 107, months: 3, amount: 2_500 },
  { planType: "pro_quarterly", monthlyCredits: 269, months: 3, amount: 6_600 },
  { planType: "basic_yearly", monthlyCredits: 120, months: 12, amount: 9_000 },
  { planType: "pro_yearly", monthlyCredits: 307, months: 12, amount: 24_000 },
] as const satisfies readonly (Plan & { months: number; amount: number })[];

export type PlanType = (typeof plans)[number]["planType"];

export const pack = { packType: "lives_pack", credits: 150, amount: 1_000, priceId: "price_pack" };

/** When all prices were raised. Subscribers from before keep their price. */
export const priceRises: readonly Moment[] = ["2027-06-15", "2028-03-01", "2029-01-20"].map(
  (date) => Date.parse(`${date}T00:00:00Z`),
);

/** The prices that are offered after a number of rises. */
export function pricesAfter(rises: number, provider: Provider): Price[] {
  return plans.map(({ planType, monthlyCredits, months, amount }) => ({
    id: `${provider === "stripe" ? "price" : "P"}_${planType}_${rises}`,
    provider,
    plan: { planType, monthlyCredits },
    amount: amount + rises * 100 * months,
    months,
  }));
}

/** The price of a plan at a moment. */
export function priceOf(planType: PlanType, provider: Provider, at: Moment): Price {
  const rises = priceRises.filter((rise) => rise <= at).length;
  const price = pricesAfter(rises, provider).find(({ plan }) => plan.planType === planType);
  if (price === undefined) {
    throw new Error(`No price is offered for ${planType}.`);
  }
  return price;
}

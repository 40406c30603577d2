import { afterAll, beforeAll, expect, it } from "vitest";
import { billingOf } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { gather, type Member } from "../support/crowd.ts";
import { app } from "../support/keyed-functions.ts";
import { runNodeProgram } from "../support/programs.ts";
import { reconciling } from "../support/reconcile-lock.ts";
import { openShop, type Shop, type SoldPlan } from "../support/shop.ts";
import { stack } from "../support/stack.ts";

/** Forty days in which nothing was heard of, and then one command: the state is what it would have been. */

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

/** What happened to a customer in those days. */
interface Life {
  plan: SoldPlan;
  /** Days ago. */
  began: number;
  during?: (shop: Shop, subscription: string) => Promise<void>;
}

const move = (plan: SoldPlan) => async (shop: Shop, id: string) => {
  const { items } = await shop.api.subscriptions.retrieve(id);
  await shop.api.subscriptions.update(id, {
    items: [{ id: items.data[0]?.id ?? "", price: shop.price[plan] }],
    proration_behavior: "always_invoice",
  });
};

const payWith = async (shop: Shop, id: string, card: string) => {
  const { customer } = await shop.api.subscriptions.retrieve(id);
  const method = await shop.api.paymentMethods.attach(card, { customer: String(customer) });
  await shop.api.subscriptions.update(id, { default_payment_method: method.id });
};

const lives: Life[] = [
  { plan: "basic_monthly", began: 50 },
  { plan: "basic_yearly", began: 100 },
  { plan: "pro_monthly", began: 80, during: move("basic_monthly") },
  { plan: "basic_monthly", began: 70, during: move("pro_monthly") },
  { plan: "basic_monthly", began: 60, during: move("basic_yearly") },
  { plan: "basic_yearly", began: 90, during: move("pro_yearly") },
  {
    plan: "basic_monthly",
    began: 55,
    during: async ({ api }, id) => void (await api.subscriptions.cancel(id)),
  },
  {
    plan: "basic_monthly",
    began: 65,
    during: async ({ api }, id) =>
      void (await api.subscriptions.update(id, { cancel_at_period_end: true })),
  },
  {
    plan: "basic_monthly",
    began: 58,
    during: (shop, id) => payWith(shop, id, "pm_card_chargeCustomerFail"),
  },
  {
    plan: "basic_yearly",
    began: 45,
    during: async ({ api }, id) => {
      const { customer } = await api.subscriptions.retrieve(id);
      const { data } = await api.charges.list({ customer: String(customer) });
      await api.refunds.create({ charge: data[0]?.id ?? "" });
      await api.subscriptions.update(id, { cancel_at_period_end: true });
    },
  },
  {
    plan: "basic_monthly",
    began: 47,
    during: async ({ stripe, api }, id) => {
      const { customer } = await api.subscriptions.retrieve(id);
      const { data } = await api.charges.list({ customer: String(customer) });
      await api.disputes.close(stripe.dispute(data[0]?.id ?? "").id);
    },
  },
  // Bought within the outage.
  { plan: "pro_monthly", began: 35 },
  { plan: "basic_yearly", began: 20 },
];

let shop: Shop;
let heard: Member[];
let unheard: Member[];

beforeAll(async () => {
  shop = await openShop("here");
  heard = await gather(lives.length);
  unheard = await gather(lives.length);
});

afterAll(() => shop?.close());

const stateOf = async ({ id }: Member) => {
  const { credits, premium_until, agrees, subscriptions } = await billingOf(id);
  const [{ status = null, plan_type = null } = {}] = subscriptions;
  const until = premium_until && Math.round(premium_until.getTime() / 600_000);
  return { credits, until, agrees, status, plan_type };
};

it("40 days of outage, then billing:reconcile: nobody differs from who was heard of all the time", async () => {
  const outage = ago(40);
  const steps = lives
    .flatMap((life, index) => [
      { at: ago(life.began), run: (who: Member[], ids: string[]) => begin(who, ids, index) },
      ...(life.during
        ? [
            {
              at: ago(30),
              run: (_: Member[], ids: string[]) => life.during?.(shop, ids[index] ?? ""),
            },
          ]
        : []),
    ])
    .sort((one, other) => one.at.getTime() - other.at.getTime());
  const begin = async (who: Member[], ids: string[], index: number) => {
    ids[index] = await shop.subscribe(who[index] as Member, lives[index]?.plan ?? "basic_monthly");
  };

  const ids = { heard: [] as string[], unheard: [] as string[] };
  const of = async (who: "heard" | "unheard", step: (typeof steps)[number]) => {
    await step.run(who === "heard" ? heard : unheard, ids[who]);
    const isLost = who === "unheard" && step.at >= outage;
    if (isLost) shop.lose();
    else await shop.deliver();
  };
  shop.stripe.setTime(steps[0]?.at ?? outage);
  let isOver = false;
  for (const step of steps) {
    if (step.at >= outage && !isOver) {
      shop.stripe.advance(outage);
      await shop.deliver();
      isOver = true;
    }
    shop.stripe.advance(step.at);
    await deliverTo(new Set(ids.heard));
    await of("heard", step);
    await of("unheard", step);
  }
  shop.stripe.advance(new Date());
  await deliverTo(new Set(ids.heard));
  shop.stripe.setTime(new Date());

  const remote = [`--remote=${stack.DB_URL}`, "--since", "40d"];
  const { code, output } = await reconciling(() =>
    runNodeProgram("scripts/run.cjs", ["billing-reconcile", ...remote], { env: shop.keys }),
  );
  expect([code, output]).toEqual([0, expect.stringContaining("0 parked, 0 failed")]);
  await asOperator((sql) => sql`select public.sweep()`);

  const expected = await Promise.all(heard.map(stateOf));
  expect(await Promise.all(unheard.map(stateOf))).toEqual(expected);
  expect(expected.every(({ agrees }) => agrees)).toBe(true);
}, 300_000);

/** Delivers what is about these subscriptions, and loses the rest. */
async function deliverTo(ids: ReadonlySet<string>): Promise<void> {
  const customers = new Set<unknown>();
  for (const { id, customer } of shop.stripe.objects("subscription")) {
    if (ids.has(id)) customers.add(customer);
  }
  const events = shop.pending.splice(0).filter(({ data }) => {
    const { id, customer } = data.object as { id: string; customer?: string };
    return ids.has(id) || customers.has(customer);
  });
  await shop.deliver(events);
}

it("an approval at PayPal whose page was closed is activated by reconcile", async () => {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  const id = await shop.approve(member, "basic_monthly");
  expect(app).toMatch(/^https/);
  await reconciling(() =>
    runNodeProgram(
      "scripts/run.cjs",
      ["billing-reconcile", `--remote=${stack.DB_URL}`, "--since", "2d"],
      { env: shop.keys },
    ),
  );
  expect(shop.paypal.subscriptions.get(id)?.status).toBe("ACTIVE");
  expect((await billingOf(member.id)).credits).toBe(105);
});

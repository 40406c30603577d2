import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { billingOf } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { pushMigrations, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";
import { app } from "../support/keyed-functions.ts";
import { createMember, createMembers, type Member } from "../support/members.ts";
import { runNodeProgram } from "../support/programs.ts";
import { openShop, type Shop, type SoldPlan } from "../support/shop.ts";
import { stack, useDatabase } from "../support/stack.ts";

/**
 * `billing:reconcile`, on a database of this file's own: it ends every subscription that its Stripe does not have, which
 * would be those of all other test files.
 */

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

/** The subscription of one customer. */
interface Life {
  plan: SoldPlan;
  /** How many days ago it began. */
  began: number;
  /** A change in the middle of the outage. */
  during?: (shop: Shop, subscription: string) => Promise<void>;
}

const move = (plan: SoldPlan) => (shop: Shop, id: string) => shop.move(id, plan);

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
    during: (shop, id) => shop.payWith(id, "pm_card_chargeCustomerFail"),
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
  // Bought during the outage.
  { plan: "pro_monthly", began: 35 },
  { plan: "basic_yearly", began: 20 },
];

let platform: ScratchPlatform;
let shop: Shop;

beforeAll(async () => {
  platform = await startScratchPlatform();
  const url = await platform.createDatabase("reconcile", "revoked");
  await pushMigrations(url);
  useDatabase(url);
  shop = await openShop("here");
});

afterAll(async () => {
  await shop?.close();
  await platform?.stop();
});

const reconcile = (...since: string[]) =>
  runNodeProgram(
    "scripts/run.cjs",
    [
      "billing-reconcile",
      `--remote=${stack.DB_URL}`,
      ...since.flatMap((time) => ["--since", time]),
    ],
    { env: shop.keys },
  );

const stateOf = async ({ id }: Member) => {
  const { credits, premium_until, agrees, subscriptions } = await billingOf(id);
  const [{ status = null, plan_type = null } = {}] = subscriptions;
  const until = premium_until && Math.round(premium_until.getTime() / 600_000);
  return { credits, until, agrees, status, plan_type };
};

it("after 40 days of outage, users whose events were lost have the same state as the others", async () => {
  // Each life is played by two users: the events of the first are all delivered.
  const users = {
    delivered: await createMembers(lives.length),
    lost: await createMembers(lives.length),
  };
  const ids = { delivered: [] as string[], lost: [] as string[] };
  const steps = lives
    .flatMap(({ plan, began, during }, index) => [
      {
        at: ago(began),
        run: async (who: "delivered" | "lost") => {
          ids[who][index] = await shop.subscribe(users[who][index] as Member, plan);
        },
      },
      ...(during
        ? [{ at: ago(30), run: (who: "delivered" | "lost") => during(shop, ids[who][index] ?? "") }]
        : []),
    ])
    .sort((one, other) => one.at.getTime() - other.at.getTime());

  const outage = ago(40);
  const before = steps.filter(({ at }) => at < outage);
  shop.stripe.setTime(before[0]?.at ?? outage);
  for (const { at, run } of before) {
    shop.stripe.advance(at);
    await run("delivered");
    await run("lost");
    await shop.deliver();
  }
  shop.stripe.advance(outage);
  await shop.deliver();
  for (const { at, run } of steps.slice(before.length)) {
    shop.stripe.advance(at);
    await deliverOnly(ids.delivered);
    await run("delivered");
    await shop.deliver();
    await run("lost");
    shop.loseEvents();
  }
  shop.stripe.advance(new Date());
  await deliverOnly(ids.delivered);
  shop.stripe.setTime(new Date());

  const { code, output } = await reconcile("40d");
  const report = /[1-9]\d* read and applied, \d+ events replayed, 0 parked, 0 failed/;
  expect([code, output]).toEqual([0, expect.stringMatching(report)]);
  await asOperator((sql) => sql`select public.sweep()`);

  const expected = await Promise.all(users.delivered.map(stateOf));
  expect(await Promise.all(users.lost.map(stateOf))).toEqual(expected);
  expect(expected.every(({ agrees }) => agrees)).toBe(true);
}, 300_000);

/** Delivers the pending events about these subscriptions, and loses the others. */
async function deliverOnly(ids: readonly string[]): Promise<void> {
  const known = new Set<unknown>(ids);
  for (const { id, customer } of shop.stripe.objects("subscription")) {
    if (known.has(id)) known.add(customer);
  }
  const events = shop.pending.splice(0).filter(({ data }) => {
    const { id, customer } = data.object as { id: string; customer?: string };
    return known.has(id) || known.has(customer);
  });
  await shop.deliver(events);
}

describe("a subscription at PayPal that was approved without our page being opened again", () => {
  it("is activated", async () => {
    const member = await createMember();
    const id = await shop.approve(member, "basic_monthly");
    await reconcile("2d");
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("ACTIVE");
    expect((await billingOf(member.id)).credits).toBe(105);
  });

  it("is not activated after the account was deleted", async () => {
    const member = await createMember();
    const { body } = await shop.post(member, "create-paypal-subscription", {
      plan_type: shop.planType("basic_monthly"),
      return_url: app,
      cancel_url: app,
    });
    const id = String(body.url).split("/").at(-1) ?? "";
    await shop.post(member, "delete-account", { confirm_email: member.email });
    shop.paypal.approve(id);
    await reconcile("2d");
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("APPROVED");
  });
});

it("a customer at Stripe gets the new email of an account that nobody has used since", async () => {
  const member = await createMember();
  const { status } = await shop.post(member, "create-checkout-session", {
    plan_type: shop.planType("basic_monthly"),
    success_url: app,
    cancel_url: app,
  });
  expect(status).toBe(200);
  const email = `new-${randomUUID()}@tests.pinebase.test`;
  await asOperator((sql) => sql`update auth.users set email = ${email} where id = ${member.id}`);
  const tasks = () =>
    asOperator(
      (sql) => sql`
        select t.action, t.done_at is not null as done
        from private.provider_tasks as t
        where t.user_id = ${member.id}
      `,
    );
  expect(await tasks()).toEqual([{ action: "email", done: false }]);
  await reconcile("1h");
  const customer = shop.stripe
    .objects("customer")
    .find(({ metadata }) => (metadata as Record<string, string>).pinebase_user_id === member.id);
  expect(customer?.email).toBe(email);
  expect(await tasks()).toEqual([{ action: "email", done: true }]);
});

it("without --since, or with one that is no time, the command shows the forms that it accepts", async () => {
  for (const since of [[], ["ever"]]) {
    const { code, output } = await reconcile(...since);
    expect([code, output]).toEqual([1, expect.stringContaining("such as 40d")]);
    expect(output).not.toContain("    at ");
  }
});

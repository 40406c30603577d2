import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { journey, newcomer, signUp, useBrowser } from "../support/browser.ts";
import { asOperator } from "../support/clients.ts";
import { stack } from "../support/stack.ts";
import { stripeClient } from "../support/stripe-stand-in.ts";

useBrowser();

journey("a person sees the plans and redeems a coupon", async (open) => {
  const page = await open("/sign-up", {
    viewport: { width: 390, height: 844 },
    colorScheme: "dark",
  });
  await signUp(page);
  await page.goto("/plans");
  await page.getByText("Your plan", { exact: true }).first().waitFor();
  await page.getByLabel("Coupon").fill("NO-SUCH-CODE");
  await page.getByRole("button", { name: "Redeem" }).click();
  await page.getByLabel("Coupon").and(page.locator("[aria-invalid=true]")).waitFor();
  await page.getByLabel("Coupon").fill("welcome-20");
  await page.getByRole("button", { name: "Redeem" }).click();
  await page.getByText("WELCOME-20: 20 % off your next checkout.").waitFor();
});

journey(
  "a person buys premium in another currency after a declined card, and cancels it in the portal",
  async (open) => {
    const plan = await sellInEuros(800, 0);
    const page = await open("/sign-up");
    const person = newcomer();
    await signUp(page, person);
    await page.goto("/plans");
    await page.getByRole("radio", { name: "EUR" }).check({ force: true });
    const premium = page.getByRole("region", { name: plan });
    await premium.getByText("€8.00 a month").waitFor();

    await premium.getByRole("button", { name: `Buy ${plan}` }).click();
    await page.getByText("€8.00 every month").waitFor();
    await page.getByLabel("which is declined").check();
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByRole("alert").getByText("Your card was declined.").waitFor();
    await page.getByRole("link", { name: "Back, without paying" }).click();
    await page.getByText("Nothing was bought.").waitFor();
    expect(await creditsOf(person.email)).toEqual([{ kind: "opening", delta: 5 }]);

    await page.getByRole("radio", { name: "EUR" }).check({ force: true });
    await premium.getByRole("button", { name: `Buy ${plan}` }).click();
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByText("Thank you. The payment has arrived.").waitFor();
    await page.getByText(/^Premium until/).waitFor();
    await premium.getByText("Your plan").waitFor();
    await page.getByRole("link", { name: "105 credits" }).click();
    await page
      .getByRole("row", { name: /Subscription.*Credits of a subscription month \+100 105/ })
      .waitFor();

    await page.goto("/plans");
    await page.getByRole("button", { name: "Manage the subscription" }).click();
    await page.getByRole("button", { name: "Cancel at the end of the period" }).click();
    await page.getByText(/is active and ends on/).waitFor();
    await page.getByRole("link", { name: "Back to the app" }).click();
    await page.getByText(/^It ends on/).waitFor();
    const [kept] = await asOperator(
      (sql) => sql`
        select s.status, s.cancel_at is not null as ends
        from public.subscriptions as s join public.users as u on u.id = s.user_id
        where u.email = ${person.email}
      `,
    );
    expect(kept).toEqual({ status: "active", ends: true });
  },
);

journey("a person lets a checkout expire, and then buys a pack of credits", async (open) => {
  const page = await open("/sign-up");
  const person = newcomer();
  await signUp(page, person);
  await page.goto("/plans");
  await page.getByRole("button", { name: "Buy 100 credits" }).click();
  await page.getByRole("button", { name: "Expire this checkout" }).click();
  await page.getByText("Nothing was bought.").waitFor();

  await page.getByRole("button", { name: "Buy 100 credits" }).click();
  await page.getByText("100 credits, $5.00").waitFor();
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.getByText("Thank you. The payment has arrived.").waitFor();
  await page.getByRole("link", { name: "105 credits" }).click();
  await page.getByRole("row", { name: /Bought.*A pack of credits \+100 105/ }).waitFor();
  expect(await creditsOf(person.email)).toEqual([
    { kind: "opening", delta: 5 },
    { kind: "purchase", delta: 100 },
  ]);
});

journey(
  "a person sees which plan begins with a trial, and starts the trial without paying",
  async (open) => {
    const plan = await sellInEuros(1200, 14);
    const page = await open("/sign-up");
    await signUp(page);
    await page.goto("/plans");
    await page.getByRole("radio", { name: "EUR" }).check({ force: true });
    const card = page.getByRole("region", { name: plan });
    await card.getByText("The first 14 days are free, once for each person").waitFor();
    await card.getByRole("button", { name: `Buy ${plan}` }).click();
    await page.getByText("The first 14 days are free.").waitFor();
    await page.getByText("To pay today: €0.00").waitFor();
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByText(/^Premium until/).waitFor();
    await page.getByRole("link", { name: "5 credits" }).waitFor();
  },
);

/** Offers a premium plan, at the stand-in for Stripe and in the database; gives its name. */
async function sellInEuros(unit_amount: number, trial_days: number): Promise<string> {
  const { id } = await stripeClient(stack.STRIPE_API_BASE ?? "").prices.create({
    product: "pinebase_premium",
    currency: "eur",
    unit_amount,
    recurring: { interval: "month" },
  });
  const plan_type = `premium_${randomUUID().slice(0, 8)}`;
  const name = plan_type.replace("premium_", "Premium ");
  await asOperator(async (sql) => {
    await sql`
      insert into public.plans (plan_type, name, is_premium, monthly_credits, max_versions, trial_days)
      values (${plan_type}, ${name}, true, 100, 100, ${trial_days})
    `;
    await sql`
      insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
      values ('stripe', ${id}, ${plan_type}, 'eur', ${unit_amount}, 'month')
    `;
  });
  return name;
}

function creditsOf(email: string) {
  return asOperator(async (sql) => [
    ...(await sql`
        select t.kind, t.delta
        from public.credit_transactions as t join public.users as u on u.id = t.user_id
        where u.email = ${email}
        order by t.id
      `),
  ]);
}

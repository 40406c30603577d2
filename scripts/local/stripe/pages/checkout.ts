import { z } from "zod";
import { type Html, html, money, type Page, type Redirect } from "../../html.ts";
import { dueNow } from "../payment-pages.ts";
import { cardChoice } from "./cards.ts";
import { find, type PageContext, refusalOf } from "./context.ts";
import { type Price, priceSchema, productSchema, sessionSchema } from "./objects.ts";
import { page } from "./page.ts";

type Session = z.output<typeof sessionSchema>;

const formSchema = z.union([
  z.object({ action: z.literal("pay"), payment_method: z.string() }),
  z.object({ action: z.literal("expire") }),
]);

/**
 * The page of a checkout session: a person pays, is declined and tries again, goes back and leaves it open, or
 * lets it expire.
 */
export async function checkoutPage(
  id: string,
  form: Record<string, string> | null,
  context: PageContext,
): Promise<Page | Redirect> {
  const session = find(context, "checkout.session", id, sessionSchema);
  if (!session) return page("There is no such checkout", html`<p>Start again in the app.</p>`, 404);
  if (session.status !== "open") return closed(session);
  if (form === null) return open(session, context);

  const given = formSchema.safeParse(form).data;
  if (!given) return open(session, context, "Choose a card, then press Pay.");
  if (given.action === "expire") {
    context.call("POST", `/v1/checkout/sessions/${id}/expire`, {});
    await context.delivered();
    return { status: 303, location: session.cancel_url ?? session.success_url };
  }
  const refusal = refusalOf(
    context.call("POST", `/v1/payment_pages/${id}/confirm`, {
      payment_method: given.payment_method,
      expected_amount: String(dueNow(session)),
    }),
  );
  if (refusal !== null) return open(session, context, refusal);
  // As Stripe does, so that the app knows of the payment when the person is back.
  await context.delivered();
  const location = session.success_url.replaceAll("{CHECKOUT_SESSION_ID}", id);
  return { status: 303, location };
}

function open(session: Session, context: PageContext, alert: string | null = null): Page {
  const lines = session.line_items_given.map(({ price: id, quantity }) => {
    const price = find(context, "price", id, priceSchema);
    return price ? html`<li>${lineOf(price, quantity, context)}</li>` : null;
  });
  const total = session.currency ? money(dueNow(session), session.currency) : "";
  const trial = session.trial_period_days
    ? html`<p>The first ${session.trial_period_days} days are free.</p>`
    : null;
  const discount = session.discounts.length > 0 ? html`<p>Your coupon is applied.</p>` : null;
  const back = session.cancel_url
    ? html`<p><a href="${session.cancel_url}">Back, without paying</a></p>`
    : null;
  return page(
    "Checkout",
    html`${alert === null ? null : html`<p role="alert">${alert}</p>`}
<ul>${lines}</ul>
${trial}${discount}
<p>To pay today: <strong>${total}</strong></p>
<form method="post">
${cardChoice()}
<button name="action" value="pay">Pay</button>
<button name="action" value="expire">Expire this checkout</button>
</form>
${back}`,
    alert === null ? 200 : 402,
  );
}

/** What one line of a checkout sells, as `Premium, $9.00 every month`. */
function lineOf(price: Price, quantity: number, context: PageContext): Html {
  const product = find(context, "product", price.product, productSchema);
  const name = price.nickname ?? product?.name ?? price.id;
  const times = quantity === 1 ? null : html`${quantity} × `;
  return html`${times}${name}, ${rateOf(price)}`;
}

/** What a price asks for, as `$9.00 every month`. */
export function rateOf({ unit_amount, currency, recurring }: Price): string {
  const amount = money(unit_amount, currency);
  if (!recurring) return amount;
  const { interval, interval_count: count } = recurring;
  return `${amount} every ${count === 1 ? interval : `${count} ${interval}s`}`;
}

function closed({ status, success_url, cancel_url }: Session): Page {
  const isPaid = status === "complete";
  return page(
    isPaid ? "This checkout is complete" : "This checkout has expired",
    html`<p><a href="${isPaid ? success_url : (cancel_url ?? success_url)}">Back to the app</a></p>`,
    410,
  );
}

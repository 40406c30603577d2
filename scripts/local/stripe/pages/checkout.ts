import { z } from "zod";
import { html, money, seeOther } from "../../html.ts";
import { priceSchema, type Session, sessionSchema } from "../objects.ts";
import { dueNow } from "../payment-pages.ts";
import { find, type PageContext, refusalOf } from "./context.ts";
import { cardChoice, nameOf, page, pageWithAlert, rateOf } from "./parts.ts";

const formSchema = z.union([
  z.object({ action: z.literal("pay"), payment_method: z.string() }),
  z.object({ action: z.literal("expire") }),
]);

/**
 * The page of a checkout session: a person pays, tries again after a card was declined, goes back and leaves the
 * session open, or lets it expire.
 */
export async function checkoutPage(
  id: string,
  form: Record<string, string> | null,
  context: PageContext,
): Promise<Response> {
  const session = find(context, "checkout.session", id, sessionSchema);
  if (!session) return page("There is no such checkout", html`<p>Start again in the app.</p>`, 404);
  if (session.status !== "open") return closed(session);
  if (form === null) return open(session, context);

  const given = formSchema.safeParse(form).data;
  if (!given) return open(session, context, "Choose a card, then press Pay.");
  if (given.action === "expire") {
    context.post(`/v1/checkout/sessions/${id}/expire`, {});
    await context.delivered();
    return seeOther(session.cancel_url ?? session.success_url);
  }
  const refusal = refusalOf(
    context.post(`/v1/payment_pages/${id}/confirm`, {
      payment_method: given.payment_method,
      expected_amount: String(dueNow(session)),
    }),
  );
  if (refusal !== null) return open(session, context, refusal);
  // Stripe waits as well, so that the app has received the payment when the person is back.
  await context.delivered();
  return seeOther(session.success_url.replaceAll("{CHECKOUT_SESSION_ID}", id));
}

function open(session: Session, context: PageContext, alert: string | null = null): Response {
  const { trial_period_days, discounts, cancel_url, currency } = session;
  const lines = session.line_items_given.map(({ price: id, quantity }) => {
    const price = find(context, "price", id, priceSchema);
    const times = quantity === 1 ? null : html`${quantity} × `;
    return price && html`<li>${times}${nameOf(price, context)}, ${rateOf(price)}</li>`;
  });
  return pageWithAlert(
    "Checkout",
    alert,
    html`<ul>${lines}</ul>
${trial_period_days ? html`<p>The first ${trial_period_days} days are free.</p>` : null}
${discounts.length > 0 ? html`<p>Your coupon is applied.</p>` : null}
<p>To pay today: <strong>${currency ? money(dueNow(session), currency) : null}</strong></p>
<form method="post">
${cardChoice()}
<button name="action" value="pay">Pay</button>
<button name="action" value="expire">Expire this checkout</button>
</form>
${cancel_url ? html`<p><a href="${cancel_url}">Back, without paying</a></p>` : null}`,
  );
}

function closed({ status, success_url, cancel_url }: Session): Response {
  const isPaid = status === "complete";
  return page(
    isPaid ? "This checkout is complete" : "This checkout has expired",
    html`<p><a href="${isPaid ? success_url : (cancel_url ?? success_url)}">Back to the app</a></p>`,
    410,
  );
}

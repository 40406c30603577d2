import { z } from "zod";
import { type Content, day, type Html, html, money, seeOther } from "../../html.ts";
import {
  customerSchema,
  invoiceSchema,
  paymentMethodSchema,
  portalSessionSchema,
  priceSchema,
  type Subscription,
  subscriptionSchema,
} from "../objects.ts";
import type { StripeObject } from "../store.ts";
import { type ApiAnswer, find, type PageContext, refusalOf } from "./context.ts";
import { cardChoice, nameOf, page, pageWithAlert, rateOf } from "./parts.ts";

type PortalSession = z.output<typeof portalSessionSchema>;

const formSchema = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["cancel", "renew"]), subscription: z.string() }),
  z.object({ action: z.literal("change"), subscription: z.string(), price: z.string() }),
  z.object({ action: z.literal("card"), payment_method: z.string() }),
  z.object({ action: z.literal("pay"), invoice: z.string() }),
]);

/** The customer's portal: cancel or keep a subscription, change the plan or the card, see and pay invoices. */
export async function portalPage(
  id: string,
  form: Record<string, string> | null,
  context: PageContext,
): Promise<Response> {
  const session = find(context, "billing_portal.session", id, portalSessionSchema);
  if (!session) return page("This link has expired", html`<p>Open the portal in the app.</p>`, 404);
  if (form === null) return overview(session, context);
  const given = formSchema.safeParse(form).data;
  const answer = given ? act(given, session, context) : null;
  const refusal = answer ? refusalOf(answer) : "Choose one of the buttons.";
  await context.delivered();
  return refusal === null ? seeOther(`/portal/${id}`) : overview(session, context, refusal);
}

/** Performs the action of a button. Returns null where the object does not belong to this customer. */
function act(
  given: z.output<typeof formSchema>,
  { customer }: PortalSession,
  context: PageContext,
): ApiAnswer | null {
  const isOwn = (kind: string, id: string) =>
    context.list(kind).some((object) => object.id === id && object.customer === customer);
  if (given.action === "card") return saveCard(given.payment_method, customer, context);
  if (given.action === "pay") {
    if (!isOwn("invoice", given.invoice)) return null;
    const payment_method = cardOf(customer, context)?.id ?? "";
    return context.post(`/v1/invoices/${given.invoice}/pay`, { payment_method });
  }
  if (!isOwn("subscription", given.subscription)) return null;
  const path = `/v1/subscriptions/${given.subscription}`;
  if (given.action !== "change") {
    return context.post(path, { cancel_at_period_end: String(given.action === "cancel") });
  }
  const item = find(context, "subscription", given.subscription, subscriptionSchema)?.items.data[0];
  return context.post(path, {
    "items[0][id]": item?.id ?? "",
    "items[0][price]": given.price,
    proration_behavior: "always_invoice",
  });
}

/** Makes a card the payment method of running subscriptions and of later ones. */
function saveCard(card: string, customer: string, context: PageContext): ApiAnswer {
  const attached = context.post(`/v1/payment_methods/${card}/attach`, { customer });
  const { id } = z.object({ id: z.string() }).catch({ id: "" }).parse(attached.body);
  if (id === "") return attached;
  for (const one of context.list("subscription")) {
    if (one.customer !== customer || one.status === "canceled") continue;
    context.post(`/v1/subscriptions/${one.id}`, { default_payment_method: id });
  }
  return context.post(`/v1/customers/${customer}`, {
    "invoice_settings[default_payment_method]": id,
  });
}

function cardOf(customer: string, context: PageContext) {
  const owner = find(context, "customer", customer, customerSchema);
  const paying = context
    .list("subscription")
    .filter((one) => one.customer === customer && one.status !== "canceled")
    .map((one) => z.string().nullish().parse(one.default_payment_method));
  const preferred = owner?.invoice_settings?.default_payment_method ?? paying.at(-1);
  return find(context, "payment_method", preferred, paymentMethodSchema);
}

function overview(
  session: PortalSession,
  context: PageContext,
  alert: string | null = null,
): Response {
  const newestFirst = (kind: string) =>
    context
      .list(kind)
      .filter(({ customer }: StripeObject) => customer === session.customer)
      .reverse();
  const subscriptions = newestFirst("subscription").map((one) => subscriptionSchema.parse(one));
  const invoices = newestFirst("invoice").map((one) => invoiceSchema.parse(one));
  const card = cardOf(session.customer, context);
  return pageWithAlert(
    "Your subscription",
    alert,
    html`${subscriptions.length === 0 ? html`<p>There is no subscription yet.</p>` : null}
${subscriptions.map((subscription) => section(subscription, context))}
<section aria-labelledby="card">
<h2 id="card">Card</h2>
<p>${card ? `Ending in ${card.card?.last4 ?? ""}.` : "No card is kept."}</p>
<form method="post">${cardChoice()}<button name="action" value="card">Use this card</button></form>
</section>
${invoiceTable(invoices)}
${session.return_url ? html`<p><a href="${session.return_url}">Back to the app</a></p>` : null}`,
  );
}

function section(subscription: Subscription, context: PageContext): Html {
  const { id, status, items } = subscription;
  const price = items.data[0]?.price;
  const isOver = status === "canceled" || status === "incomplete_expired";
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${price ? nameOf(price, context) : id}</h2>
<p>${price ? `${rateOf(price)}. ` : null}${stateOf(subscription)}</p>
${isOver ? null : buttons(subscription, context)}
</section>`;
}

function stateOf({ status, cancel_at, cancel_at_period_end, items }: Subscription): string {
  const periodEnd = items.data[0]?.current_period_end;
  const end = cancel_at ?? (cancel_at_period_end ? periodEnd : null);
  if (status === "canceled") return "It has ended.";
  if (end) return `It is ${status} and ends on ${day(end)}.`;
  return `It is ${status}${periodEnd ? ` and renews on ${day(periodEnd)}` : ""}.`;
}

function buttons(subscription: Subscription, context: PageContext): Html {
  const { id, cancel_at, cancel_at_period_end, items } = subscription;
  const isEnding = Boolean(cancel_at) || cancel_at_period_end === true;
  const current = items.data[0]?.price;
  const choices = context
    .list("price")
    .flatMap((object) => priceSchema.safeParse(object).data ?? [])
    .filter(
      (price) =>
        price.active &&
        price.recurring &&
        price.id !== current?.id &&
        price.currency === current?.currency,
    )
    .map(
      (price) =>
        html`<option value="${price.id}">${price.nickname ?? price.id}, ${rateOf(price)}</option>`,
    );
  const form = (content: Content) =>
    html`<form method="post"><input type="hidden" name="subscription" value="${id}">${content}</form>`;
  return html`${form(
    isEnding
      ? html`<button name="action" value="renew">Keep the subscription</button>`
      : html`<button name="action" value="cancel">Cancel at the end of the period</button>`,
  )}
${
  choices.length === 0
    ? null
    : form(html`<label>Another plan <select name="price">${choices}</select></label>
<button name="action" value="change">Change the plan</button>`)
}`;
}

function invoiceTable(invoices: z.output<typeof invoiceSchema>[]): Html {
  if (invoices.length === 0) return html`<p>There is no invoice yet.</p>`;
  const rows = invoices.map(
    ({ id, created, amount_due, currency, status }) => html`<tr>
<td>${day(created)}</td><td>${money(amount_due, currency)}</td><td>${status}</td>
<td>${
      status === "open"
        ? html`<form method="post"><input type="hidden" name="invoice" value="${id}"><button name="action" value="pay" aria-label="Pay the invoice of ${day(created)}">Pay</button></form>`
        : null
    }</td></tr>`,
  );
  return html`<table>
<caption>Invoices</caption>
<thead><tr><th scope="col">Day</th><th scope="col">Amount</th><th scope="col">State</th><th scope="col">Payment</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

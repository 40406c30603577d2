import { type Content, type Html, html, htmlPage, money } from "../../html.ts";
import { type Price, productSchema } from "../objects.ts";
import { find, type PageContext } from "./context.ts";

/* The parts that the pages share. */

/** A page of the stand-in, which says that it is one. */
export function page(title: string, content: Content, status = 200): Response {
  const note = "A stand-in for Stripe on this machine. No money moves here.";
  return htmlPage(title, note, content, status);
}

/** A page, with an alert above its content where a request was refused. */
export function pageWithAlert(title: string, alert: string | null, content: Content): Response {
  if (alert === null) return page(title, content);
  return page(title, html`<p role="alert">${alert}</p>\n${content}`, 402);
}

/** https://docs.stripe.com/testing */
const cards = [
  { id: "pm_card_visa", text: "4242 4242 4242 4242, which is charged" },
  { id: "pm_card_visa_chargeDeclined", text: "4000 0000 0000 0002, which is declined" },
];

/** A choice between the test cards. */
export function cardChoice(): Html {
  const choices = cards.map(
    ({ id, text }, index) =>
      html`<label><input type="radio" name="payment_method" value="${id}" ${index === 0 ? html`checked` : null}> ${text}</label>`,
  );
  return html`<fieldset><legend>Test card</legend>${choices}</fieldset>`;
}

/** The name of what a price sells. */
export function nameOf(price: Price, context: PageContext): string {
  const product = find(context, "product", price.product, productSchema);
  return price.nickname ?? product?.name ?? price.id;
}

/** The amount and interval of a price, as `$9.00 every month`. */
export function rateOf({ unit_amount, currency, recurring }: Price): string {
  const amount = money(unit_amount, currency);
  if (!recurring) return amount;
  const { interval, interval_count: count } = recurring;
  return `${amount} every ${count === 1 ? interval : `${count} ${interval}s`}`;
}

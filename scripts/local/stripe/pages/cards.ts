import { type Html, html } from "../../html.ts";

/** https://docs.stripe.com/testing */
const cards = [
  { id: "pm_card_visa", text: "4242 4242 4242 4242, which is charged" },
  { id: "pm_card_visa_chargeDeclined", text: "4000 0000 0000 0002, which is declined" },
];

/** The test cards, of which one is chosen. */
export function cardChoice(): Html {
  const choices = cards.map(
    ({ id, text }, index) =>
      html`<label><input type="radio" name="payment_method" value="${id}" ${index === 0 ? html`checked` : null}> ${text}</label>`,
  );
  return html`<fieldset><legend>Test card</legend>${choices}</fieldset>`;
}

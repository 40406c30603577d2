import type { Page, Redirect } from "../../html.ts";
import { checkoutPage } from "./checkout.ts";
import type { PageContext } from "./context.ts";
import { portalPage } from "./portal.ts";

const pages = { pay: checkoutPage, portal: portalPage };

/**
 * Answers a browser; null for what is no page.
 *
 * @param body of a form that was sent; null where the page is only asked for
 */
export function answerPage(
  path: string,
  body: string | null,
  context: PageContext,
): Promise<Page | Redirect> | null {
  const [, kind, id = ""] = /^\/(pay|portal)\/(\w+)$/.exec(path) ?? [];
  if (kind !== "pay" && kind !== "portal") return null;
  const form = body === null ? null : Object.fromEntries(new URLSearchParams(body));
  return pages[kind](id, form, context);
}

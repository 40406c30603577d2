import { checkoutPage } from "./checkout.ts";
import type { PageContext } from "./context.ts";
import { portalPage } from "./portal.ts";

const pages = { pay: checkoutPage, portal: portalPage };

/**
 * Answers a browser. Returns null for a path that is not a page's.
 *
 * @param body of a form that was sent; null where the page is only requested
 */
export function answerPage(
  path: string,
  body: string | null,
  context: PageContext,
): Promise<Response> | null {
  const [, kind, id = ""] = /^\/(pay|portal)\/(\w+)$/.exec(path) ?? [];
  if (kind !== "pay" && kind !== "portal") return null;
  const form = body === null ? null : Object.fromEntries(new URLSearchParams(body));
  return pages[kind](id, form, context);
}

import { type Content, htmlPage, type Page } from "../../html.ts";

/** A page of the stand-in, which says that it is one. */
export function page(title: string, content: Content, status = 200): Page {
  const note = "A stand-in for Stripe on this machine. No money moves here.";
  return htmlPage(title, note, content, status);
}

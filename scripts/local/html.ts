/** Text that is HTML already. */
export interface Html {
  html: string;
}

/** What may stand in a template: HTML as it is, anything else escaped, lists one after the other. */
export type Content = Html | string | number | null | readonly Content[];

/** Writes HTML; whatever is put in and is not HTML is escaped. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  const text = parts.map((part, index) => part + toHtml(contents[index] ?? null)).join("");
  return { html: text };
}

function toHtml(content: Content): string {
  if (content === null) return "";
  if (typeof content === "object" && "html" in content) return content.html;
  if (typeof content === "object") return content.map(toHtml).join("");
  return String(content).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** An answer with a page. */
export interface Page {
  status: number;
  body: string;
}

/** An answer that sends the browser elsewhere, which it asks for by GET. */
export interface Redirect {
  status: 303;
  location: string;
}

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 0 auto; padding: 1rem; }
  .note { border-inline-start: .25rem solid; padding-inline-start: .75rem; }
  [role="alert"] { border: .125rem solid #c33; padding: .5rem .75rem; }
  fieldset { border: .0625rem solid; margin: 1rem 0; padding: .5rem 1rem; }
  label { display: block; padding: .35rem 0; }
  button { font: inherit; min-height: 2.75rem; padding: .25rem 1rem; margin: .25rem .5rem .25rem 0; }
  :focus-visible { outline: .2rem solid; outline-offset: .15rem; }
  table { border-collapse: collapse; width: 100%; }
  caption { text-align: start; font-weight: bold; }
  th, td { text-align: start; padding: .35rem .75rem .35rem 0; border-bottom: .0625rem solid; }
`;

/**
 * A whole page, which needs no script.
 *
 * @param note says above it what the page is
 */
export function htmlPage(title: string, note: string, content: Content, status = 200): Page {
  const { html: body } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: style }}</style>
</head>
<body>
<header><p class="note">${note}</p></header>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
  return { status, body };
}

/** What every page is sent with. It runs no script and is shown in no other page's frame. */
export const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

/** An amount of the currency's smallest unit, as a person reads it. */
export function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** A time in seconds since 1970, as a day. */
export function day(seconds: number): string {
  const format = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });
  return format.format(seconds * 1000);
}

/** Text that is HTML already. */
export interface Html {
  html: string;
}

/** A value in a template: HTML is inserted as it is, anything else is escaped, a list is joined. */
export type Content = Html | string | number | null | readonly Content[];

/** Writes HTML. Every inserted value that is not HTML is escaped. */
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

/** The headers of every page. It runs no script, and no other page can show it in a frame. */
const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

/**
 * Answers with a whole page, which needs no script.
 *
 * @param note stands above the page and says what it belongs to
 */
export function htmlPage(title: string, note: string, content: Content, status = 200): Response {
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
  return new Response(body, { status, headers: pageHeaders });
}

/** Sends the browser to another page, which it requests by GET. */
export function seeOther(location: string): Response {
  return new Response(null, { status: 303, headers: { location } });
}

/** An amount of a currency's smallest unit, as a person reads it. */
export function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** The day of a time in seconds since 1970, as a person reads it. */
export function day(seconds: number): string {
  const format = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });
  return format.format(seconds * 1000);
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { type Content, type Html, html, htmlPage } from "./html.ts";
import { openLog } from "./log-file.ts";
import { readIfThere } from "./private-file.ts";

const mailSchema = z.object({
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  sent_at: z.string(),
});

/** A mail that Auth would send. */
export type Mail = Omit<z.output<typeof mailSchema>, "sent_at">;

/** The mails of a stack. They are shown on a page and sent nowhere. */
export interface Mails {
  add(mail: Mail): void;
  /** The page, or JSON for a program. The newest mail comes first. */
  show(request: Request): Response;
}

/** The file's name in the folder of the stack: one mail a line. */
const mailFile = "mails.jsonl";

/** The number of mails that are kept and shown. */
const kept = 200;

/** Reads the mails of earlier starts, and stores new ones. */
export async function openMails(dir: string): Promise<Mails> {
  const file = join(dir, mailFile);
  const lines = ((await readIfThere(file)) ?? "").split("\n").slice(-kept - 1);
  const mails = lines.flatMap((line) => parseJson(line, mailSchema) ?? []);
  await writeFile(file, mails.map((mail) => `${JSON.stringify(mail)}\n`).join(""), { mode: 0o600 });
  const append = openLog(file);
  return {
    add: (mail) => {
      const sent = { ...mail, sent_at: new Date().toISOString() };
      mails.push(sent);
      append(`${JSON.stringify(sent)}\n`);
    },
    show: (request) => {
      const newestFirst = mails.slice(-kept).reverse();
      const isProgram = request.headers.get("accept")?.includes("application/json");
      if (isProgram) {
        return Response.json(newestFirst, { headers: { "cache-control": "no-store" } });
      }
      const note = "Mails that Auth would have sent. They stay on this machine.";
      const content = newestFirst.map(toHtml);
      const none = html`<p>There is no mail yet.</p>`;
      return htmlPage("Mails", note, content.length > 0 ? content : none);
    },
  };
}

function toHtml({ to, subject, text, sent_at }: z.output<typeof mailSchema>): Html {
  return html`<article>
<h2>${subject}</h2>
<p>To ${to}, <time datetime="${sent_at}">${sent_at.replace("T", " ").slice(0, 19)} UTC</time></p>
<p style="white-space: pre-wrap; overflow-wrap: anywhere">${withLinks(text)}</p>
</article>`;
}

function withLinks(text: string): Content {
  return text
    .split(/(https?:\/\/\S+)/)
    .map((part) => (/^https?:/.test(part) ? html`<a href="${part}">${part}</a>` : part));
}

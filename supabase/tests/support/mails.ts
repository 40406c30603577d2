import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { stack } from "./stack.ts";

const mailsSchema = z.array(z.object({ to: z.string(), text: z.string() }));

/** The link in the newest mail to this address, as soon as it has come. */
export async function linkFor(email: string): Promise<string> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
    const answer = await fetch(stack.MAIL_URL ?? "", { headers: { accept: "application/json" } });
    const mail = mailsSchema.parse(await answer.json()).find(({ to }) => to === email);
    const link = /https?:\/\/\S+/.exec(mail?.text ?? "")?.[0];
    if (link) return link;
  }
  throw new Error(`There is no mail to ${email}.`);
}

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { stack } from "./stack.ts";

const mailsSchema = z.array(z.object({ to: z.string(), text: z.string() }));

/** Waits for a mail to this address; gives the link in the newest one. */
export async function linkFor(email: string): Promise<string> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
    const answer = await fetch(stack.MAIL_URL ?? "", { headers: { accept: "application/json" } });
    const mail = mailsSchema.parse(await answer.json()).find(({ to }) => to === email);
    const link = /https?:\/\/\S+/.exec(mail?.text ?? "")?.[0];
    if (link) return link;
  }
  throw new Error(`No mail with a link was sent to ${email} within 20 seconds.`);
}

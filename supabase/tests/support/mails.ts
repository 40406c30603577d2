import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The link in the newest mail to this address, as soon as it has come. */
export async function linkFor(email: string): Promise<string> {
  const folder = dirname(process.env.PINEBASE_STATUS ?? "");
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
    const texts = await Promise.all(
      [join(folder, "mail.log"), join(folder, "stack", "mail.log")].map((file) =>
        readFile(file, "utf8").catch(() => ""),
      ),
    );
    const mail = texts
      .join("")
      .split("To: ")
      .findLast((text) => text.startsWith(email));
    const link = /https?:\/\/\S+/.exec(mail ?? "")?.[0];
    if (link) return link;
  }
  throw new Error(`There is no mail to ${email}.`);
}

import { createInterface } from "node:readline/promises";
import { UserError } from "./user-error.ts";

/**
 * Asks the person at the terminal; true for yes.
 *
 * @param unattended what to say where nobody is there to ask, and what to do then
 * @param yes which answers mean yes
 * @throws UserError where nobody is there to ask
 */
export async function confirm(
  question: string,
  unattended: readonly [message: string, next: string],
  yes: RegExp = /^yes$/i,
): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw new UserError(...unattended);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return yes.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

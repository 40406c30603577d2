import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { UserError } from "./user-error.ts";

/**
 * Asks the person at the terminal for confirmation. Ctrl-C and Ctrl-D mean no.
 *
 * @param unattended the error's sentence and next step where there is no terminal
 * @param yes the answers that mean yes
 * @throws UserError where there is no terminal
 */
export async function confirm(
  question: string,
  unattended: readonly [message: string, next: string],
  yes: RegExp = /^yes$/i,
): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw new UserError(...unattended);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    // Ctrl-C and Ctrl-D close the terminal. The question's promise then never settles, or is rejected, by Node's version.
    const closed = once(terminal, "close").then(() => null);
    const answer = await Promise.race([terminal.question(question), closed]).catch(() => null);
    if (answer === null) process.stdout.write("\n");
    return yes.test(answer?.trim() ?? "");
  } finally {
    terminal.close();
  }
}

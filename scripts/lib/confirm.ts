import { createInterface } from "node:readline/promises";
import { UserError } from "./user-error.ts";

/**
 * Asks the person at the terminal for a yes, unless it was given in advance.
 *
 * @throws UserError where nobody is there to ask
 */
export async function confirm(question: string, given: boolean): Promise<boolean> {
  if (given) return true;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UserError(
      "Nobody is here to confirm this.",
      "Add --yes, or see what would happen with --dry-run.",
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(question)).trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}

import { billingDatabase } from "../supabase/tests/support/billing-lives/database.ts";
import { runLives } from "../supabase/tests/support/billing-lives/run.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";
import { withConnection } from "./local/connection.ts";

/**
 * `npm run billing:lives`: plays random lives of customers over three simulated years against a scratch database and
 * compares premium, credits and ledger with the reference. If a life differs, the exit code is 1, and the smallest such
 * life that was found is printed.
 */
export async function run(args: string[]): Promise<number> {
  const { count, seed } = parse(args);
  console.log(`${count} lives, seed ${seed}`);
  return withMigratedDatabase((url) =>
    withConnection(url, async (sql) => {
      await sql`set synchronous_commit = off`;
      const report = await runLives(billingDatabase(sql), { count, seed }, (played) =>
        console.log(`${played} played`),
      );
      for (const failure of report.failures) {
        console.log(`\n${failure}`);
      }
      console.log(
        `\n${report.played} lives played, ${report.failures.length} differ. In ${report.grantedUnaware} a month was granted before bad news arrived.`,
      );
      return report.failures.length === 0 ? 0 : 1;
    }),
  );
}

function parse(args: string[]): { count: number; seed: number } {
  const options = {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  } as const;
  const { values } = readArguments("billing-lives", { args, options });
  const count = Number(values.count);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
    throw usageError("billing-lives", "--count and --seed each take a whole number.");
  }
  return { count, seed };
}

import fc from "fast-check";
import type { BillingDatabase } from "./database.ts";
import { type Life, lives } from "./life.ts";
import { type Outcome, play } from "./play.ts";
import { describeLife, shrink } from "./shrink.ts";

/** How many lives are played at the same time. */
const batchSize = 300;

export interface LivesReport {
  played: number;
  /** Lives in which a month was granted because a refund or an end became known late. */
  grantedUnaware: number;
  /** A text for each life that differs from the reference; the first one is made as small as possible. */
  failures: string[];
}

/** Plays random lives and compares each with the reference. The same seed gives the same lives. */
export async function runLives(
  database: BillingDatabase,
  { count, seed }: { count: number; seed: number },
  onBatch: (played: number) => void = () => {},
): Promise<LivesReport> {
  const report: LivesReport = { played: 0, grantedUnaware: 0, failures: [] };
  const all = fc.sample(lives, { numRuns: count, seed });
  for (let from = 0; from < count; from += batchSize) {
    const outcomes = await play(database, all.slice(from, from + batchSize));
    report.played += outcomes.length;
    report.grantedUnaware += outcomes.filter((each) => each.grantedUnaware > 0).length;
    const failed = outcomes.filter(({ differences }) => differences.length > 0);
    const [first] = failed;
    if (first !== undefined) {
      const playAll = (smaller: readonly Life[]) => play(database, smaller);
      report.failures.push(describeOutcome(await shrink(first, playAll)));
      report.failures.push(...failed.slice(1).map(describeOutcome));
      return report;
    }
    onBatch(report.played);
  }
  return report;
}

function describeOutcome({ life, differences }: Outcome): string {
  const shown = differences.slice(0, 8).map((difference) => `  ! ${difference}`);
  return [describeLife(life), ...shown, `  ${JSON.stringify(life)}`].join("\n");
}

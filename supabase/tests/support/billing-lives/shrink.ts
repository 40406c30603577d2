import type { Channel, Life } from "./life.ts";
import type { Outcome } from "./play.ts";

/**
 * Finds a smaller life that still differs from the reference: it removes parts, then single steps, and improves the channel
 * for as long as the result differs. All candidates of a round are played at once.
 */
export async function shrink(
  failed: Outcome,
  playAll: (lives: readonly Life[]) => Promise<Outcome[]>,
): Promise<Outcome> {
  let smallest = failed;
  for (;;) {
    const outcomes = await playAll(smallerThan(smallest.life));
    const smaller = outcomes.find(({ differences }) => differences.length > 0);
    if (smaller === undefined) {
      return smallest;
    }
    smallest = smaller;
  }
}

function smallerThan(life: Life): Life[] {
  const count = life.steps.length;
  const lives: Life[] = [];
  for (let size = Math.ceil(count / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < count; from += size) {
      lives.push({ ...life, steps: withoutSteps(life.steps, from, size) });
    }
  }
  const better: Partial<Channel>[] = [{ lost: 0 }, { doubled: 0 }, { lateDays: 0 }, { slow: 0 }];
  for (const change of better) {
    const channel = { ...life.channel, ...change };
    if (JSON.stringify(channel) !== JSON.stringify(life.channel)) {
      lives.push({ ...life, channel });
    }
  }
  return lives;
}

/** Removes steps; the others keep their times. */
function withoutSteps(steps: Life["steps"], from: number, count: number): Life["steps"] {
  const waited = steps.slice(from, from + count).reduce((sum, { wait }) => sum + wait, 0);
  const [next, ...rest] = steps.slice(from + count);
  const after = next === undefined ? [] : [{ ...next, wait: next.wait + waited }, ...rest];
  return [...steps.slice(0, from), ...after];
}

/** A life in readable form: a line for each act, with its time. */
export function describeLife({ start, dunning, channel, steps }: Life): string {
  let at = start;
  const lines = steps.map(({ wait, act }) => {
    at += wait;
    return `  ${new Date(at).toISOString().slice(0, 19)} ${JSON.stringify(act)}`;
  });
  const settings = JSON.stringify({ dunning, ...channel });
  return [`  unpaid invoices and events: ${settings}`, ...lines].join("\n");
}

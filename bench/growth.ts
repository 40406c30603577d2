import type { ScratchPlatform } from "../scripts/lib/scratch-platform.ts";
import { pushMigrations } from "../scripts/local/migrations.ts";
import { loadOurs, type OnProgress, type Side, type Sizes, sizesOf } from "./databases.ts";
import { type Duration, type Measurement, measure } from "./measure.ts";
import { type Growth, millisecondsOf } from "./report.ts";
import { scenarios } from "./scenarios.ts";

/** The smaller numbers of strategies at which every scenario is measured too. */
const smaller = [1_000, 100_000];

/**
 * Measures our requests with one client at smaller sizes, each in its own database, and adds the measurements of the full
 * size at the end.
 */
export async function measureGrowth(
  platform: ScratchPlatform,
  full: { sizes: Sizes; measurements: readonly Measurement[] },
  duration: Duration,
  onProgress: OnProgress,
): Promise<Growth[]> {
  // Each user redeems each coupon once, so a small data set lasts only for a few rounds.
  const short = { ...duration, rounds: Math.min(duration.rounds, 5) };
  const points = new Map<string, Growth["points"]>();
  const add = (scenario: string, measurement: Measurement, strategies: number) => {
    const point = { strategies, milliseconds: millisecondsOf(measurement) };
    points.set(scenario, [...(points.get(scenario) ?? []), point]);
  };
  for (const strategies of smaller.filter((size) => size < full.sizes.strategies)) {
    const sizes = sizesOf(strategies);
    const name = `ours_${strategies}`;
    const url = await platform.createDatabase(name, "granted");
    await pushMigrations(url);
    await platform.asAdmin(name, (sql) => loadOurs(sql, sizes, onProgress));
    const urls: Record<Side, string> = { ours: url, seed: url, bare: url };
    for (const scenario of scenarios(sizes).filter(({ clients }) => clients.includes(1))) {
      onProgress(`Measuring ${scenario.name} at ${strategies} strategies`, 0);
      const variants = scenario.variants.filter(({ side }) => side === "ours");
      // The name differs, because requests are numbered by scenario name, and this is another database.
      const own = { name: `${scenario.name}, ${strategies}`, clients: [1], variants };
      add(scenario.name, await measure(own, 1, urls, short), strategies);
    }
  }
  const single = full.measurements.filter(({ clients, rates }) => clients === 1 && rates.ours);
  for (const measurement of single) {
    add(measurement.scenario, measurement, full.sizes.strategies);
  }
  return [...points].map(([scenario, list]) => ({ scenario, points: list }));
}

import postgres from "postgres";
import { claims, type Side } from "./databases.ts";
import { rateOf } from "./rate.ts";
import type { Request, Scenario } from "./scenarios.ts";

/** The measurement of one scenario with one number of clients. */
export interface Measurement {
  scenario: string;
  clients: number;
  /** Transactions a second in each round, by side. Round n of all sides ran close together in time. */
  rates: Partial<Record<string, number[]>>;
}

/** How long to measure. */
export interface Duration {
  rounds: number;
  /** The length of one round of one side. */
  seconds: number;
}

/**
 * Runs a scenario. The sides take turns round by round, so that other load on the machine affects all of them. Every request
 * is one transaction as PostgREST sends it: role and claims first.
 */
export async function measure(
  scenario: Scenario,
  clients: number,
  urls: Readonly<Record<Side, string>>,
  { rounds, seconds }: Duration,
): Promise<Measurement> {
  const first = used.get(scenario.name) ?? 0;
  const sides = scenario.variants.map(({ side, database, request }) => {
    const sql = postgres(urls[database], { max: clients, onnotice: () => {} });
    const counter = { next: first };
    return { side, sql, counter, send: () => send(sql, request(counter.next++)) };
  });
  try {
    const rates: Record<string, number[]> = {};
    for (const { send } of sides) await rateOf(send, clients, seconds / 3);
    for (let round = 0; round < rounds; round += 1) {
      for (const { side, send } of sides) {
        rates[side] = [...(rates[side] ?? []), await rateOf(send, clients, seconds)];
      }
    }
    return { scenario: scenario.name, clients, rates };
  } finally {
    used.set(scenario.name, Math.max(...sides.map(({ counter }) => counter.next)));
    await Promise.all(sides.map(({ sql }) => sql.end()));
  }
}

/** The next request number of each scenario, which its runs with one client and with sixteen share. */
const used = new Map<string, number>();

async function send(sql: postgres.Sql, { role, user, statements }: Request): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      select
        set_config('search_path', '"public", "extensions"', true),
        set_config('role', ${role}, true),
        set_config('request.jwt.claims', ${claims(user)}, true)
    `;
    for (const [text, ...parameters] of statements) {
      const rows = await tx.unsafe(text, parameters as postgres.ParameterOrJSON<never>[], {
        prepare: true,
      });
      throwIfRefused(rows[0]);
    }
  });
}

/** Throws when a request was refused: a refusal is fast, and would make the result too good. */
function throwIfRefused(row: postgres.Row | undefined): void {
  for (const value of Object.values(row ?? {})) {
    if (typeof value === "object" && value !== null && "ok" in value && value.ok === false) {
      throw new Error(`A request was refused: ${JSON.stringify(value)}`);
    }
  }
}

/** The median, and the range of the middle half of the rounds. */
export interface Ratio {
  median: number;
  lower: number;
  upper: number;
}

/** The throughput of ours divided by that of another side, or null if one of them did not run. */
export function ratioTo(measurement: Measurement, side: string): Ratio | null {
  const ours = measurement.rates.ours;
  const others = measurement.rates[side];
  if (!ours || !others) return null;
  return spread(ours.map((rate, round) => rate / (others[round] ?? Number.NaN)));
}

/** The median and the quartiles of some numbers. */
export function spread(values: readonly number[]): Ratio {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? Number.NaN;
    const above = sorted[Math.ceil(place)] ?? below;
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}

import { cpus, release, type as systemName, totalmem } from "node:os";
import { textTable } from "../scripts/lib/text-table.ts";
import type { ColdStart } from "./cold-start.ts";
import { type Measurement, type Ratio, ratioTo, spread } from "./measure.ts";

/** The results of a run, as written to `bench/results.json`. */
export interface Report {
  machine: Machine;
  strategies: number;
  rounds: number;
  seconds: number;
  measurements: Measurement[];
  /** The time of one request of ours, with one client, at several table sizes. */
  growth: Growth[];
  coldStarts: ColdStart[];
  /** For the tables that grow, indexes included. */
  bytesPerRow: Record<string, number>;
}

/** The time of one scenario at several sizes, smallest first. */
export interface Growth {
  scenario: string;
  points: { strategies: number; milliseconds: number }[];
}

/** The median time of one request in a measurement with one client. */
export function millisecondsOf(measurement: Measurement): number {
  return 1000 / spread(measurement.rates.ours ?? []).median;
}

/** The machine of the run. On another machine the figures differ, and the ratios much less. */
export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  postgres: string;
}

/** Describes this machine. */
export function describeMachine(postgres: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release().split("-")[0]}`,
    node: process.version.slice(1),
    postgres,
  };
}

/** One line of the result table. */
export interface Row {
  scenario: string;
  clients: number;
  /** Transactions a second, the median of the rounds. */
  rate: number;
  /** Ours to the bare statements, to the seed's schema, and to the sync engine. */
  ratios: Record<"bare" | "seed" | "sync", Ratio | null>;
}

/** The lines of the result table, in the order of the measurements. */
export function rowsOf(measurements: readonly Measurement[]): Row[] {
  return measurements.map((measurement) => ({
    scenario: measurement.scenario,
    clients: measurement.clients,
    rate: spread(measurement.rates.ours ?? []).median,
    ratios: {
      bare: ratioTo(measurement, "bare"),
      seed: ratioTo(measurement, "seed"),
      sync: ratioTo(measurement, "sync"),
    },
  }));
}

/** The table that the command prints. */
export function reportTable({ measurements, growth, coldStarts, bytesPerRow }: Report): string {
  const head = ["", "clients", "ours/s", "to bare", "to the seed's", "to sync engine"];
  const rows = rowsOf(measurements).map(({ scenario, clients, rate, ratios }) => [
    scenario,
    String(clients),
    rate.toFixed(0),
    ratioText(ratios.bare),
    ratioText(ratios.seed),
    ratioText(ratios.sync),
  ]);
  const functions = coldStarts.map(({ name, cold, warm }) => [
    name,
    `${cold.toFixed(0)} ms`,
    `${warm.toFixed(1)} ms`,
  ]);
  return [
    "Throughput of ours, and its ratio to others: above 1 is faster. Median and quartiles of the rounds.",
    ...textTable([head, ...rows]),
    "",
    "Milliseconds of one request as the number of strategies grows.",
    ...textTable([
      ["", ...(growth[0]?.points ?? []).map(({ strategies }) => String(strategies))],
      ...growth.map(({ scenario, points }) => [
        scenario,
        ...points.map(({ milliseconds }) => milliseconds.toFixed(2)),
      ]),
    ]),
    "",
    "Edge functions: the first answer and the next ones.",
    ...textTable([["", "cold", "warm"], ...functions]),
    "",
    "Bytes a row, indexes included.",
    ...textTable(Object.entries(bytesPerRow).map(([table, bytes]) => [table, String(bytes)])),
  ].join("\n");
}

function ratioText(ratio: Ratio | null): string {
  if (ratio === null) return "";
  const { median, lower, upper } = ratio;
  return `${number(median)} (${number(lower)}-${number(upper)})`;
}

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

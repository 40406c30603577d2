import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chart } from "../bench/chart.ts";
import { measureColdStarts } from "../bench/cold-start.ts";
import { bytesPerRow, loadDatabases, type Sizes, sizesOf } from "../bench/databases.ts";
import { measureGrowth } from "../bench/growth.ts";
import { type Measurement, measure } from "../bench/measure.ts";
import { loadPeers, peersMissing } from "../bench/peers.ts";
import { describeMachine, type Report, reportTable } from "../bench/report.ts";
import { scenarios } from "../bench/scenarios.ts";
import { measureWebhook } from "../bench/webhook.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { type ScratchPlatform, startScratchPlatform } from "./lib/scratch-platform.ts";
import { projectDir, resolveFromCaller } from "./local/paths.ts";
import { createProgress } from "./local/progress.ts";

/**
 * `npm run bench`: loads a data set and measures our schema, the schema of the original request and plain statements side
 * by side on one server, with one client and with sixteen. Writes the results to `--out`.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  if (loadPeers() === null) console.log(peersMissing);
  const platform = await startScratchPlatform();
  const progress = createProgress(process.stdout);
  try {
    const report = await runAll(platform, options, progress.step);
    progress.end();
    console.log(`\n${reportTable(report)}`);
    if (loadPeers() === null) console.log(`\n${peersMissing}`);
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, "results.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(options.out, "results.svg"), chart(report));
    console.log(`\nWrote results.json and results.svg to ${options.out}.`);
    return 0;
  } finally {
    progress.end();
    await platform.stop();
  }
}

interface Options {
  sizes: Sizes;
  rounds: number;
  seconds: number;
  out: string;
}

async function runAll(
  platform: ScratchPlatform,
  { sizes, rounds, seconds }: Options,
  step: (text: string) => void,
): Promise<Report> {
  const onProgress = (what: string, share: number) => step(`${what} ${bar(share)}`.trim());
  const urls = await loadDatabases(platform, sizes, onProgress);
  const loaded = await bytesPerRow(platform, [
    "public.strategies",
    "public.strategy_components",
    "public.strategy_versions",
    "private.public_strategies",
  ]);
  const measurements: Measurement[] = [];
  for (const scenario of scenarios(sizes)) {
    for (const clients of scenario.clients) {
      step(`Measuring ${scenario.name}, ${clients} ${clients === 1 ? "client" : "clients"}`);
      measurements.push(await measure(scenario, clients, urls, { rounds, seconds }));
    }
  }
  const full = { sizes, measurements };
  const growth = await measureGrowth(platform, full, { rounds, seconds }, onProgress);
  step("Checking credits and coupons");
  await checkTotals(platform);
  const peers = loadPeers();
  if (peers !== null) {
    step("Measuring the Stripe webhook");
    const sync = await platform.createDatabase("sync", "granted");
    const users = Math.min(sizes.users, 500);
    const duration = { rounds, seconds };
    measurements.push(...(await measureWebhook({ ours: urls.ours, sync }, users, duration, peers)));
  }
  step("Measuring the functions' cold starts");
  const coldStarts = await measureColdStarts();
  const written = await bytesPerRow(platform, [
    "public.credit_transactions",
    "public.api_key_events",
    "private.webhook_events",
  ]);
  const version = await platform.asAdmin("ours", (sql) => sql`show server_version`);
  return {
    machine: describeMachine(String(version[0]?.server_version).split(" ")[0] ?? ""),
    strategies: sizes.strategies,
    rounds,
    seconds,
    measurements,
    growth,
    coldStarts,
    bytesPerRow: { ...loaded, ...written },
  };
}

/** Throws if a measured request was wrong: credits must agree with the ledger, and uses of coupons with redemptions. */
async function checkTotals(platform: ScratchPlatform): Promise<void> {
  const [found] = await platform.asAdmin(
    "ours",
    (sql) => sql`
      select
        (
          select count(*)::int
          from public.users as u
          join (select user_id, sum(delta) as total from public.credit_transactions group by user_id) as t on t.user_id = u.id
          where t.total <> u.credits
        ) as accounts,
        (
          select count(*)::int
          from public.coupons as c
          where c.current_uses <> (select count(*) from public.user_coupons as r where r.coupon_id = c.id)
        ) as coupons
    `,
  );
  if (found?.accounts !== 0 || found.coupons !== 0) {
    throw new Error(`${found?.accounts} accounts and ${found?.coupons} coupons do not add up.`);
  }
}

function bar(share: number): string {
  const full = Math.round(share * 20);
  return share === 0
    ? ""
    : `[${"#".repeat(full)}${".".repeat(20 - full)}] ${Math.round(share * 100)} %`;
}

function parse(args: string[]): Options {
  const { values } = readArguments("bench", {
    args,
    options: {
      rows: { type: "string", default: "200000" },
      rounds: { type: "string", default: "15" },
      seconds: { type: "string", default: "0.2" },
      out: { type: "string" },
    },
  });
  return {
    sizes: sizesOf(numberFrom(values.rows, "--rows", 1_000, 10_000_000)),
    rounds: numberFrom(values.rounds, "--rounds", 1, 100),
    seconds: numberFrom(values.seconds, "--seconds", 0.05, 60),
    out: values.out === undefined ? join(projectDir, "bench") : resolveFromCaller(values.out),
  };
}

function numberFrom(text: string, name: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (value >= lowest && value <= highest) return value;
  throw usageError("bench", `${name} takes a number from ${lowest} to ${highest}, not "${text}".`);
}

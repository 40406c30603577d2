import { join } from "node:path";
import { z } from "zod";
import { runDenoModules } from "../scripts/lib/deno.ts";
import { projectDir } from "../scripts/local/paths.ts";
import type { Duration, Measurement } from "./measure.ts";
import type { Peers } from "./peers.ts";

const resultSchema = z.array(
  z.object({ clients: z.number(), rates: z.record(z.string(), z.array(z.number())) }),
);

/** Measures the Stripe webhook against Supabase's sync engine, both in Deno, where the functions run. */
export async function measureWebhook(
  urls: { ours: string; sync: string },
  users: number,
  duration: Duration,
  peers: Peers,
): Promise<Measurement[]> {
  await peers.syncEngine.runMigrations({ databaseUrl: urls.sync, schema: "stripe" });
  const options = { ...urls, ...duration, users, clients: [1, 16], peers: peers.urls };
  const file = join(projectDir, "bench", "deno", "webhook.ts");
  const permissions = ["--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-sys"];
  const { stdout, output, code } = await runDenoModules("run", [
    ...permissions,
    file,
    JSON.stringify(options),
  ]);
  if (code !== 0) throw new Error(`The webhook could not be measured:\n${output}`);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return resultSchema
    .parse(JSON.parse(last))
    .map((result) => ({ scenario: "Stripe webhook", ...result }));
}

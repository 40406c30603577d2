import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectDir } from "../scripts/local/paths.ts";

/** What the benchmark uses of the sync engine on Node's side, so that the sources are checked where it is not installed. */
export interface SyncEngine {
  runMigrations(options: { databaseUrl: string; schema: string }): Promise<void>;
}

/** The packages of `bench/package.json`, which only who runs the benchmark installs. */
export interface Peers {
  syncEngine: SyncEngine;
  /** Where Deno finds the modules. */
  urls: { syncEngine: string; pg: string };
}

/** What to do where `loadPeers` finds none. */
export const peersMissing =
  "The Stripe webhook is not compared: run npm ci --prefix bench to install what it is compared with.";

/** The peers in a folder's node_modules, or null where they are not installed. */
export function loadPeers(folder = join(projectDir, "bench")): Peers | null {
  const require = createRequire(join(folder, "package.json"));
  try {
    const syncEngine = require.resolve("@supabase/stripe-sync-engine");
    const pg = require.resolve("pg");
    return {
      // Its ES module looks for its migrations by __dirname, which only CommonJS has.
      syncEngine: require(syncEngine) as SyncEngine,
      urls: { syncEngine: pathToFileURL(syncEngine).href, pg: pathToFileURL(pg).href },
    };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}

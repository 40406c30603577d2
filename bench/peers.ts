import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectDir } from "../scripts/local/paths.ts";

/** The part of the sync engine that the benchmark calls in Node. Declared here, because the package may not be installed. */
export interface SyncEngine {
  runMigrations(options: { databaseUrl: string; schema: string }): Promise<void>;
}

/** The packages of `bench/package.json`, which are installed only for the benchmark. */
export interface Peers {
  syncEngine: SyncEngine;
  /** The URLs by which Deno imports the modules. */
  urls: { syncEngine: string; pg: string };
}

/** The message for the case that `loadPeers` finds none. */
export const peersMissing =
  "The Stripe webhook is not compared: run npm ci --prefix bench to install the packages for the comparison.";

/** The peers in a folder's node_modules, or null if they are not installed. */
export function loadPeers(folder = join(projectDir, "bench")): Peers | null {
  const require = createRequire(join(folder, "package.json"));
  try {
    const syncEngine = require.resolve("@supabase/stripe-sync-engine");
    const pg = require.resolve("pg");
    return {
      // Loaded as CommonJS, because its ES module uses __dirname, which only CommonJS has.
      syncEngine: require(syncEngine) as SyncEngine,
      urls: { syncEngine: pathToFileURL(syncEngine).href, pg: pathToFileURL(pg).href },
    };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}

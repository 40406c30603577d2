import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../scripts/local/config.ts";
import { startFunctions } from "../scripts/local/functions.ts";
import { spread } from "./measure.ts";

/** Milliseconds to the first answer of a function that was not loaded, and the median of the next answers. */
export interface ColdStart {
  name: string;
  cold: number;
  warm: number;
}

/** The addresses and keys are not used: a function refuses the method of the requests before it calls its database. */
const environment = {
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_ANON_KEY: "nobody",
  SUPABASE_SERVICE_ROLE_KEY: "nobody",
};

/**
 * Measures how long each edge function takes to answer its first call, in Deno as on hosted Supabase. Hosted Supabase
 * compiles the files when they are deployed, so a first run compiles them here and is not measured.
 */
export async function measureColdStarts(): Promise<ColdStart[]> {
  const dir = await mkdtemp(join(tmpdir(), "pinebase-cold-"));
  const names = Object.keys((await loadConfig()).functions);
  try {
    await answerTimes(dir, names);
    return await answerTimes(dir, names);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function answerTimes(dir: string, names: readonly string[]): Promise<ColdStart[]> {
  const functions = await startFunctions({ dir, environment });
  try {
    const results: ColdStart[] = [];
    for (const name of names) {
      const url = `${functions.url}/${name}`;
      const cold = await answerTime(url);
      const warm: number[] = [];
      for (let n = 0; n < 20; n += 1) warm.push(await answerTime(url));
      results.push({ name, cold, warm: spread(warm).median });
    }
    return results;
  } finally {
    await functions.stop();
  }
}

async function answerTime(url: string): Promise<number> {
  const start = performance.now();
  const response = await fetch(url, { method: "DELETE" });
  await response.text();
  if (response.status !== 405) throw new Error(`${url} answered ${response.status}, not 405`);
  return performance.now() - start;
}

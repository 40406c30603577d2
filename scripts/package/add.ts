import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../lib/user-error.ts";
import { planAdd } from "./add-plan.ts";
import { packageRoot } from "./package-root.ts";
import { readSources } from "./sources.ts";

/**
 * `npx pinebase add`: copies what this version of the package has and the project lacks into supabase/.
 * `--dry-run` only tells.
 */
export async function run(args: string[]): Promise<number> {
  const dryRun = parse(args);
  const sources = await readSources(packageRoot);
  const { writes, notes } = await planAdd(sources, "supabase", new Date());
  for (const { path, what } of writes) console.log(`  ${path}  (${what})`);
  for (const note of notes) console.log(`  left alone: ${note}`);
  if (writes.length === 0) {
    console.log(`Nothing to add: Pinebase ${sources.version} is here already.`);
    return 0;
  }
  if (dryRun) {
    console.log("Nothing was written: this was a dry run.");
    return 0;
  }
  for (const { path, text } of writes) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  console.log(`Added Pinebase ${sources.version}: ${writes.length} files. Commit them.`);
  console.log("Next: npx pinebase push, and npx supabase functions deploy.");
  return 0;
}

function parse(args: string[]): boolean {
  try {
    const options = { "dry-run": { type: "boolean", default: false } } as const;
    return parseArgs({ args, options }).values["dry-run"];
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(message, "Usage: npx pinebase add [--dry-run]", { cause });
  }
}

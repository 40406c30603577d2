import { mkdir, readlink, realpath, writeFile } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
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
  await refuseLinks(writes.map(({ path }) => path));
  for (const { path, text } of writes) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  console.log(`Added Pinebase ${sources.version}: ${writes.length} files. Commit them.`);
  console.log(`
Auth, in supabase/config.toml and in the project's dashboard:
  [auth] site_url and additional_redirect_urls   the app's pages, or links in mails lead nowhere
  [auth] minimum_password_length = 8             or more; the demo data needs no less
  [auth.email] enable_confirmations              true on a hosted project: an email names its owner

Next: npx pinebase start runs all of it on this machine. When it is to go online: npx pinebase push, and
npx supabase functions deploy.`);
  return 0;
}

/**
 * A symbolic link may lead out of the project, and what stands there is not the project's.
 *
 * @throws UserError naming the files that would be written through one
 */
async function refuseLinks(paths: readonly string[]): Promise<void> {
  const project = await realpath(".");
  const outside: string[] = [];
  for (const path of paths) {
    const found = await realExisting(path);
    if (found !== project && !found.startsWith(project + sep))
      outside.push(`  ${path} is ${found}`);
  }
  if (outside.length === 0) return;
  throw new UserError(
    `Symbolic links lead out of the project:\n${outside.join("\n")}`,
    "Nothing was changed. Replace the links by folders, then run the command again.",
  );
}

/** Where a path really is, or the nearest folder above it that exists. A link to nothing is where it points. */
async function realExisting(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const target = await readlink(path).catch(() => null);
    return realExisting(target === null ? dirname(path) : resolve(dirname(path), target));
  }
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

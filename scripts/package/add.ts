import { mkdir, readlink, realpath, writeFile } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { readArguments } from "../lib/arguments.ts";
import { UserError } from "../lib/user-error.ts";
import { planAdd } from "./add-plan.ts";
import { packageRoot } from "./package-root.ts";
import { readSources } from "./sources.ts";

/** `npx pinebase add`: copies what this version of the package has and the project lacks into supabase/. */
export async function run(args: string[]): Promise<number> {
  const { values } = readArguments("add", {
    args,
    options: { "dry-run": { type: "boolean", default: false } },
  });
  const sources = await readSources(packageRoot);
  const { writes, notes } = await planAdd(sources, "supabase", new Date());
  for (const { path, what } of writes) console.log(`  ${path}  (${what})`);
  for (const note of notes) console.log(`  not changed: ${note}`);
  if (writes.length === 0) {
    console.log(`Nothing to add: the project has Pinebase ${sources.version} already.`);
    return 0;
  }
  if (values["dry-run"]) {
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
  [auth] site_url and additional_redirect_urls   the app's pages; links in mails lead there
  [auth] minimum_password_length = 8             or more; the demo data needs at least 8
  [auth.email] enable_confirmations              true on a hosted project, so that users own their email addresses

Next: npx pinebase start runs everything on this machine. To deploy: npx pinebase push, then
npx supabase functions deploy.`);
  return 0;
}

/**
 * Refuses to write through symbolic links that lead out of the project, because the files there belong to something else.
 *
 * @throws UserError naming the files that would be written
 */
async function refuseLinks(paths: readonly string[]): Promise<void> {
  const project = await realpath(".");
  const outside: string[] = [];
  for (const path of paths) {
    const found = await realExisting(path);
    if (found !== project && !found.startsWith(project + sep)) {
      outside.push(`  ${path} is ${found}`);
    }
  }
  if (outside.length === 0) return;
  throw new UserError(
    `Symbolic links lead out of the project:\n${outside.join("\n")}`,
    "Nothing was changed. Replace the links by folders, then run the command again.",
  );
}

/** The real path of a file, or of the nearest folder above it that exists. A broken link counts as its target. */
async function realExisting(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const target = await readlink(path).catch(() => null);
    return realExisting(target === null ? dirname(path) : resolve(dirname(path), target));
  }
}

import { join } from "node:path";
import { listMigrations, versionsAfter } from "../lib/migration-files.ts";
import { UserError } from "../lib/user-error.ts";
import { planSettings } from "./function-settings.ts";
import { checksumOf, type Ledger, ledgerName, readLedger, readText } from "./ledger.ts";
import type { Sources } from "./sources.ts";
import { namesInPublic } from "./taken-names.ts";

/** The effect of adding a version of the package to a project. */
export interface AddPlan {
  /** The files to write, each with a short description. */
  writes: { path: string; text: string; what: string }[];
  /** The files that differ and are not changed. */
  notes: string[];
}

interface Parts extends AddPlan {
  ledger: Ledger;
}

/**
 * Decides which files to write. Files that were changed in the project are never written.
 *
 * @param supabase the project's supabase folder
 * @param now the version of the first new migration, unless the project has a newer one
 * @throws UserError when the project has a file or an object with a name that Pinebase needs
 */
export async function planAdd(sources: Sources, supabase: string, now: Date): Promise<AddPlan> {
  const ledger = await readLedger(supabase);
  const parts: Parts = { writes: [], notes: [], ledger: { ...ledger, version: sources.version } };
  const taken = [
    ...(await planMigrations(sources, supabase, now, parts)),
    ...(await planFiles(sources, supabase, parts)),
  ];
  if (taken.length > 0) {
    throw new UserError(
      `Pinebase needs names that the project uses:\n${taken.map((line) => `  ${line}`).join("\n")}`,
      "Nothing was changed. Rename what is listed, then run the command again.",
    );
  }
  await planConfig(sources, supabase, parts);
  const text = `${JSON.stringify(parts.ledger, null, 2)}\n`;
  const path = join(supabase, ledgerName);
  if ((await readText(path)) !== text) {
    parts.writes.push({ path, text, what: "the record of what was added" });
  }
  return { writes: parts.writes, notes: parts.notes };
}

async function planMigrations(
  sources: Sources,
  supabase: string,
  now: Date,
  parts: Parts,
): Promise<string[]> {
  const local = await Promise.all(
    (await listMigrations(supabase)).map(async (migration) => ({
      ...migration,
      up: (await readText(migration.path)) ?? "",
    })),
  );
  const added = { ...parts.ledger.migrations };
  // An identical migration was added by an earlier run that was interrupted or whose ledger is missing.
  for (const { file, up, down } of sources.migrations) {
    const twin = local.find((here) => here.up === up && nameOf(here.file) === nameOf(file));
    if (!(file in added) && twin !== undefined) {
      added[file] = { file: twin.file, checksum: checksumOf(up), rollback: checksumOf(down) };
    }
  }
  const fresh = sources.migrations.filter(({ file }) => !(file in added));
  const ours = new Set(Object.values(added).map(({ file }) => file));
  const present = namesInPublic(local.filter(({ file }) => !ours.has(file)));
  const taken = [...namesInPublic(fresh).keys()].flatMap((name) => {
    const file = present.get(name);
    return file === undefined ? [] : [`${name}, created by ${join(supabase, "migrations", file)}`];
  });

  const nextVersion = versionsAfter(local.at(-1)?.version, now);
  for (const { file, up, down } of fresh) {
    const name = `${nextVersion()}_${nameOf(file)}`;
    const what = `migration ${nameOf(file)}`;
    parts.writes.push(
      { path: join(supabase, "migrations", name), text: up, what },
      { path: join(supabase, "rollbacks", name), text: down, what: "its rollback" },
    );
    added[file] = { file: name, checksum: checksumOf(up), rollback: checksumOf(down) };
  }
  for (const { file, up } of sources.migrations) {
    const { file: here, checksum } = added[file] ?? { file, checksum: "" };
    if (fresh.some((one) => one.file === file)) continue;
    const path = join(supabase, "migrations", here);
    const text = await readText(path);
    if (text === null) parts.notes.push(`${path} is missing in the project`);
    else if (checksumOf(text) !== checksum) parts.notes.push(`${path} was changed in the project`);
    else if (checksumOf(up) !== checksum) parts.notes.push(`${path} is different in this version`);
  }
  parts.ledger.migrations = added;
  return taken;
}

async function planFiles(sources: Sources, supabase: string, parts: Parts): Promise<string[]> {
  const known = parts.ledger.files;
  const next: Record<string, string> = {};
  const taken: string[] = [];
  for (const [name, text] of sources.files) {
    const path = join(supabase, name);
    const present = await readText(path);
    const before = known[name];
    const ours = checksumOf(text);
    const here = present === null ? null : checksumOf(present);
    if (here === ours) {
      next[name] = ours;
    } else if (here === null && before === undefined) {
      parts.writes.push({ path, text, what: "new" });
      next[name] = ours;
    } else if (here === null) {
      parts.notes.push(`${path} was removed from the project`);
      next[name] = before ?? ours;
    } else if (before === undefined) {
      taken.push(path);
    } else if (here === before) {
      parts.writes.push({ path, text, what: "newer" });
      next[name] = ours;
    } else {
      if (before !== ours) {
        const beside = `${path}.new`;
        if ((await readText(beside)) !== text) {
          parts.writes.push({ path: beside, text, what: "the file of this version" });
        }
        parts.notes.push(
          `${path} was changed in the project, and this version has a newer one. Compare: git diff --no-index ${path} ${beside}`,
        );
      }
      next[name] = before;
    }
  }
  for (const name of Object.keys(known).filter((file) => !sources.files.has(file))) {
    if ((await readText(join(supabase, name))) !== null) {
      parts.notes.push(`${join(supabase, name)} is no longer part of Pinebase`);
    }
  }
  parts.ledger.files = next;
  return taken;
}

async function planConfig(sources: Sources, supabase: string, parts: Parts): Promise<void> {
  const path = join(supabase, "config.toml");
  const own = (await readText(path)) ?? "";
  const { text, added, notes } = settings(own, sources.config, path);
  if (text !== own) {
    const what = `settings of ${added.join(", ")}`;
    parts.writes.push({ path, text, what });
  }
  parts.notes.push(...notes.map((note) => `${path}: ${note}`));
}

function settings(own: string, ours: string, path: string) {
  try {
    return planSettings(own, ours);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${path} cannot be read: ${reason}`,
      "Nothing was changed. Correct the file, then run the command again.",
      {
        cause,
      },
    );
  }
}

/** `<version>_name.sql` without the version. */
function nameOf(file: string): string {
  return file.slice(file.indexOf("_") + 1);
}

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";

const ledgerSchema = z.object({
  /** The version of the package that was added last. */
  version: z.string(),
  /** By the name in the package: the name in the project, and the original checksums of both files. */
  migrations: z.record(
    z.string(),
    z.object({ file: z.string(), checksum: z.string(), rollback: z.string() }),
  ),
  /** The original checksum of each file of the functions, by its path below supabase/. */
  files: z.record(z.string(), z.string()),
});

/** The record of what `npx pinebase add` has added to a project: `supabase/pinebase.json`. */
export type Ledger = z.infer<typeof ledgerSchema>;

/** The file's name. */
export const ledgerName = "pinebase.json";

/**
 * Reads what was added to a project. Without the file, nothing was.
 *
 * @param supabase the project's supabase folder
 * @throws UserError when the file is damaged
 */
export async function readLedger(supabase: string): Promise<Ledger> {
  const path = join(supabase, ledgerName);
  const text = await readText(path);
  if (text === null) return { version: "", migrations: {}, files: {} };
  try {
    return ledgerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      `${path} cannot be read.`,
      "Restore it from version control, then run the command again.",
      { cause },
    );
  }
}

/** One line for each added migration that is missing or was changed. */
export async function changedMigrations(ledger: Ledger, supabase: string): Promise<string[]> {
  const findings = Object.values(ledger.migrations).map(async ({ file, checksum }) => {
    const path = join(supabase, "migrations", file);
    const text = await readText(path);
    if (text === null) return [`${path}: was added by Pinebase and is missing`];
    return checksumOf(text) === checksum
      ? []
      : [`${path}: was changed after Pinebase added it; restore it and write another migration`];
  });
  return (await Promise.all(findings)).flat();
}

/** A file's text, or null where there is none. */
export function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}

/** SHA-256 of a text. Line ends do not count, because a checkout may convert them. */
export function checksumOf(text: string): string {
  const bytes = createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
  return `sha256:${bytes}`;
}

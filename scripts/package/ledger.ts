import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";

const ledgerSchema = z.object({
  /** Of the package that was added last. */
  version: z.string(),
  /** By the name in the package: the name here, and the checksums of both files as they came. */
  migrations: z.record(
    z.string(),
    z.object({ file: z.string(), checksum: z.string(), rollback: z.string() }),
  ),
  /** The checksum of each file of the functions as it came, by its path below supabase/. */
  files: z.record(z.string(), z.string()),
});

/** What `npx pinebase add` has brought into a project: `supabase/pinebase.json`. */
export type Ledger = z.infer<typeof ledgerSchema>;

/** The file's name. */
export const ledgerName = "pinebase.json";

/**
 * Reads what was added to a project; nothing where there is no such file.
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
      "Take it from your version control, then run the command again.",
      { cause },
    );
  }
}

/** Says of each migration that was added and is not as it came what has happened to it. */
export async function changedMigrations(ledger: Ledger, supabase: string): Promise<string[]> {
  const findings = Object.values(ledger.migrations).map(async ({ file, checksum }) => {
    const path = join(supabase, "migrations", file);
    const text = await readText(path);
    if (text === null) return [`${path}: was added by Pinebase and is missing`];
    return checksumOf(text) === checksum
      ? []
      : [`${path}: is not as Pinebase brought it; write another migration instead`];
  });
  return (await Promise.all(findings)).flat();
}

/** A file's text, or null where there is none. */
export function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}

/** SHA-256 of a text. A checkout may have turned its line ends. */
export function checksumOf(text: string): string {
  const bytes = createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
  return `sha256:${bytes}`;
}

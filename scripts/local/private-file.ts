import { readFile, rename, writeFile } from "node:fs/promises";
import type { z } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { UserError } from "../lib/user-error.ts";

/** The text of a file, or null when the file does not exist. Any other failure is an error. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/**
 * The content of a JSON file, or null when the file does not exist.
 *
 * @param next what the user can do when the file is damaged
 * @throws UserError when the file is damaged
 */
export async function readJsonIfThere<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  next: string,
): Promise<z.output<Schema> | null> {
  const text = await readIfThere(file);
  if (text === null) return null;
  const content = parseJson(text, schema);
  if (content === null) throw new UserError(`The file ${file} is damaged.`, next);
  return content;
}

/** Writes a file that only its owner can read. A reader sees the old content or the new, never a part. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}

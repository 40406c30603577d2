import { join, resolve } from "node:path";

/** The checkout that this file belongs to. */
export const projectDir = resolve(import.meta.dirname, "..", "..");

/** Where the stack keeps its data and its status unless it is told otherwise. */
export const defaultDataDir = join(projectDir, ".pinebase");

/**
 * A folder that the person at the terminal named. npm runs scripts from the checkout and says in
 * INIT_CWD where it was called: a relative path means a path from there.
 */
export function resolveFromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

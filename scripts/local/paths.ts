import { join, resolve } from "node:path";

/**
 * The project that a command works on: the app's, as `npx pinebase` has found it, or else the checkout that
 * this file belongs to.
 */
export const projectDir =
  process.env.PINEBASE_PROJECT_DIR ?? resolve(import.meta.dirname, "..", "..");

/** Where the stack keeps its data and its status unless it is told otherwise. */
export const defaultDataDir = join(projectDir, ".pinebase");

/**
 * A folder that the person at the terminal named. npm runs scripts from the checkout and says in
 * INIT_CWD where it was called: a relative path means a path from there.
 */
export function resolveFromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

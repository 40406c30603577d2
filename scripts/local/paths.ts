import { join, resolve } from "node:path";

/**
 * The folder of the project that a command works on: the app's project, which `npx pinebase` has found, or this checkout.
 */
export const projectDir =
  process.env.PINEBASE_PROJECT_DIR ?? resolve(import.meta.dirname, "..", "..");

/** The default folder for the data and the status of a stack. */
export const defaultDataDir = join(projectDir, ".pinebase");

/**
 * Resolves a path of the command line. npm runs scripts in the checkout and passes the folder of its caller in INIT_CWD;
 * a relative path starts there.
 */
export function resolveFromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

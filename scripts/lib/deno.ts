import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { denoPath } from "../local/deno.ts";
import { readImportMap } from "../local/functions.ts";
import { projectDir } from "../local/paths.ts";
import { type ChildOptions, type ChildResult, runChild } from "./child.ts";

const functions = join(projectDir, "supabase", "functions");
const tests = join(projectDir, "supabase", "tests", "functions");
const bench = join(projectDir, "bench", "deno");

/**
 * Runs a command of Deno with the imports of the edge functions: packages come from node_modules, nothing is fetched, and no
 * lock file or cache is left in the checkout. The tests of functions and the benchmark may import the same packages.
 */
export async function runDenoModules(
  command: "check" | "test" | "run",
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  const scratch = await mkdtemp(join(tmpdir(), "pinebase-deno-"));
  try {
    const { imports, scopes } = await readImportMap(functions);
    const shared = scopes[folderUrl(join(functions, "_shared"))] ?? {};
    const importMap = join(scratch, "import-map.json");
    await writeFile(
      importMap,
      JSON.stringify({
        imports,
        scopes: { ...scopes, [folderUrl(tests)]: shared, [folderUrl(bench)]: shared },
      }),
    );
    const common = ["--no-lock", "--no-remote", "--node-modules-dir=manual"];
    return await runDeno([command, ...common, `--import-map=${importMap}`, ...args], {
      ...options,
      env: { DENO_DIR: join(scratch, "cache"), ...options.env },
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Runs a command of Deno that resolves no imports. */
export function runDeno(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return runChild(denoPath(), args, {
    ...options,
    env: { DENO_NO_UPDATE_CHECK: "1", RUST_BACKTRACE: "0", ...options.env },
  });
}

function folderUrl(path: string): string {
  return `${pathToFileURL(path)}/`;
}

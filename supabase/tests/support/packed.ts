import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ChildResult, runChild } from "../../../scripts/lib/child.ts";
import { projectDir } from "../../../scripts/local/paths.ts";

/**
 * Runs npm: the one that runs these tests, if npm does. Its cache is a folder of the test, because the user's own cache may
 * not be writable.
 */
function npm(args: string[], cwd: string, cache: string): Promise<ChildResult> {
  const program = process.env.npm_execpath;
  const [command, before] = program?.endsWith(".js")
    ? [process.execPath, [program]]
    : [process.platform === "win32" ? "npm.cmd" : "npm", []];
  return runChild(command, [...before, "--prefix", cwd, ...args], {
    // npm passes settings to its scripts by such variables. These replace them, because this npm works on another project.
    env: {
      npm_config_cache: cache,
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
    },
  });
}

/**
 * Builds the package and packs it as for the registry; gives the path of the tarball. The build is deleted afterwards,
 * unless there was one before.
 */
export async function pack(into: string): Promise<string> {
  const build = join(projectDir, "dist");
  const wasBuilt = existsSync(build);
  await mkdir(into, { recursive: true });
  try {
    const { code, stdout, output } = await npm(
      ["pack", projectDir, "--pack-destination", into],
      projectDir,
      join(into, "npm-cache"),
    );
    if (code !== 0) throw new Error(output);
    return join(into, stdout.trim().split("\n").at(-1) ?? "");
  } finally {
    if (!wasBuilt) await rm(build, { recursive: true, force: true });
  }
}

/**
 * Creates an empty project and installs the tarball, with some of the packages that are installed here. Nothing is
 * downloaded: these packages contain all that the tarball depends on.
 */
export async function installInto(
  folder: string,
  tarball: string,
  packages: readonly string[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const installed = packages.map((name) => [
    name,
    `file:${join(projectDir, "node_modules", name)}`,
  ]);
  const manifest = {
    name: "an-app",
    version: "1.0.0",
    private: true,
    type: "module",
    dependencies: { ...Object.fromEntries(installed), pinebase: `file:${tarball}` },
  };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  const { code, output } = await npm(
    ["install", "--offline", "--ignore-scripts"],
    folder,
    join(folder, ".npm-cache"),
  );
  if (code !== 0) throw new Error(output);
}

/** The generated types of an app that has a table of its own. */
export async function ownTypes(): Promise<string> {
  const types = await readFile(join(projectDir, "types", "database.types.ts"), "utf8");
  const row = "{ id: string; title: string; strategy_id: string }";
  const change = "{ id?: string; title?: string; strategy_id?: string }";
  return types.replace(
    "Tables: {",
    `Tables: {
      watchlists: {
        Row: ${row};
        Insert: ${change} & { title: string; strategy_id: string };
        Update: ${change};
        Relationships: [
          {
            foreignKeyName: "watchlists_strategy_id_fkey";
            columns: ["strategy_id"];
            isOneToOne: false;
            referencedRelation: "strategies";
            referencedColumns: ["id"];
          },
        ];
      };`,
  );
}

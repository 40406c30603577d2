import { spawn } from "node:child_process";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import { z } from "zod";
import { runChild } from "../lib/child.ts";
import { UserError } from "../lib/user-error.ts";
import { denoPath } from "./deno.ts";
import { newLog } from "./log-file.ts";
import { projectDir } from "./paths.ts";
import { supervise } from "./processes.ts";

/** The running edge functions. */
export interface Functions {
  /** The router's address. A function answers under its name. */
  url: string;
  /** Settles when the router ends, however it ends. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** How the functions are started. */
export interface FunctionsOptions {
  /** The folder of the stack, for the log and the import map. */
  dir: string;
  environment: Record<string, string>;
  /** The folder of the functions; supabase/functions by default. */
  folder?: string;
  /** Called before Deno fetches what the functions import, which takes a while. */
  onFetch?(): void;
}

const ownFolder = join(projectDir, "supabase", "functions");
const portSchema = z.object({ port: z.number() });
const manifestSchema = z.object({
  version: z.string().default(""),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
const importsSchema = z.object({ imports: z.record(z.string(), z.string()).default({}) });

/** Variables of this process that Deno itself needs. */
const denoVariables = [
  ...["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG"],
  // The address of the registry that has what the functions import.
  "NPM_CONFIG_REGISTRY",
];

/**
 * Starts the router of the edge functions under Deno. The router ends when this process ends, in whatever way, because
 * it reads from a pipe of this process.
 *
 * @throws UserError when Deno is missing or does not start
 */
export async function startFunctions(options: FunctionsOptions): Promise<Functions> {
  const folder = options.folder ?? ownFolder;
  const writeLog = await newLog(options.dir, "functions.log");
  const importMap = join(options.dir, "functions.import-map.json");
  const imports = await readImportMap(folder);
  await writeFile(importMap, JSON.stringify(imports, null, 2));
  const installed = await isInstalled(imports);
  if (!installed) await fetchImports(imports, options);

  const child = spawn(
    denoPath(),
    [
      "run",
      "--no-prompt",
      "--no-lock",
      ...(installed
        ? // npm has installed what the functions import, so nothing is fetched while they start.
          ["--no-remote", "--node-modules-dir=manual"]
        : // In an app's project Deno has fetched what they import, as on hosted.
          ["--node-modules-dir=none"]),
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "--allow-sys",
      `--import-map=${importMap}`,
      join(await routerFolder(options.dir), "router.ts"),
      folder,
    ],
    {
      cwd: projectDir,
      // In another process group, which Ctrl-C does not reach: the stack stops its parts in order.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(denoVariables.map((name) => [name, process.env[name]])),
        DENO_NO_UPDATE_CHECK: "1",
        DENO_DIR: join(options.dir, "deno"),
        NO_COLOR: "1",
        ...options.environment,
      },
    },
  );
  const { ended, stop } = supervise(child, "SIGKILL");
  child.stdin.on("error", () => {});
  child.stderr.on("data", writeLog);

  const port = await new Promise<number | null>((resolve) => {
    const lines = createInterface({ input: child.stdout });
    lines.once("line", (line) => {
      resolve(portSchema.parse(JSON.parse(line)).port);
      lines.on("line", (text) => writeLog(`${text}\n`));
    });
    void ended.then(() => resolve(null));
  });
  if (port === null) {
    throw new UserError(
      "The edge functions do not start.",
      `The output of Deno is in ${join(options.dir, "functions.log")}.`,
    );
  }

  return {
    url: `http://127.0.0.1:${port}`,
    ended,
    stop: () => stop(() => child.stdin.end(), 3_000),
  };
}

/**
 * The environment of the functions: the variables that hosted gives, those of supabase/functions/.env, and the caller's.
 * The earlier of these wins, as under `supabase functions serve`.
 */
export async function functionsEnvironment(
  hosted: Record<string, string>,
  caller: Record<string, string>,
): Promise<Record<string, string>> {
  const file = await readFile(join(ownFolder, ".env"), "utf8").catch(() => "");
  const own = z.record(z.string(), z.string()).parse(parseEnv(file));
  return { ...caller, ...own, ...hosted };
}

/**
 * Fetches what the functions import, before they start. The system's certificates are trusted beside Deno's own, because
 * a company's network often has one that Deno lacks.
 *
 * @throws UserError when the registry cannot be reached
 */
async function fetchImports(imports: ImportMap, options: FunctionsOptions): Promise<void> {
  options.onFetch?.();
  const { code, output } = await runChild(
    denoPath(),
    ["cache", "--quiet", "--no-lock", "--node-modules-dir=none", ...packagesOf(imports)],
    {
      cwd: projectDir,
      env: {
        DENO_TLS_CA_STORE: process.env.DENO_TLS_CA_STORE ?? "system,mozilla",
        DENO_NO_UPDATE_CHECK: "1",
        DENO_DIR: join(options.dir, "deno"),
      },
    },
  );
  if (code === 0) return;
  throw new UserError(
    `What the edge functions import cannot be fetched.\n${output.trim()}`,
    "Check the connection to the npm registry. DENO_CERT names a file with a certificate that is to be trusted.",
  );
}

/** The folder of the router. Below node_modules Deno reads no TypeScript, so it is copied to the folder of the stack. */
async function routerFolder(dir: string): Promise<string> {
  const folder = join(import.meta.dirname, "functions");
  if (!folder.split(sep).includes("node_modules")) return folder;
  const copy = join(dir, "router");
  await cp(folder, copy, { recursive: true });
  return copy;
}

/**
 * Whether the project's package.json names every package that is imported, and npm has installed the imported version;
 * `4` is any version that begins with 4.
 */
async function isInstalled(imports: ImportMap): Promise<boolean> {
  const manifest = manifestSchema.parse(await readManifest(projectDir));
  const found = packagesOf(imports).map(async (specifier) => {
    const [, name = "", version] = /^npm:(@?[^@]+)@([^/]+)$/.exec(specifier) ?? [];
    const named = name in manifest.dependencies || name in manifest.devDependencies;
    const folder = join(projectDir, "node_modules", name);
    const { version: found } = manifestSchema.parse(await readManifest(folder));
    return named && `${found}.`.startsWith(`${version}.`);
  });
  return (await Promise.all(found)).every(Boolean);
}

/** Every imported package with its version, once. */
function packagesOf({ scopes }: ImportMap): string[] {
  return [...new Set(Object.values(scopes).flatMap((imports) => Object.values(imports)))];
}

async function readManifest(folder: string): Promise<unknown> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8").catch(() => "{}"));
}

/** Deno's import map, of which only scopes are used. */
export interface ImportMap {
  imports: Record<string, string>;
  scopes: Record<string, Record<string, string>>;
}

/**
 * Makes one import map from the deno.json files of all functions, because here one Deno serves all. The imports of a
 * function are valid in its own folder, and those of all functions in _shared.
 */
export async function readImportMap(folder: string): Promise<ImportMap> {
  const scopes: Record<string, Record<string, string>> = {};
  const all: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = join(folder, entry.name, "deno.json");
    const text = entry.isDirectory() ? await readFile(file, "utf8").catch(() => null) : null;
    if (text === null) continue;
    const { imports } = importsSchema.parse(JSON.parse(text));
    scopes[`${pathToFileURL(join(folder, entry.name))}/`] = imports;
    Object.assign(all, imports);
  }
  return {
    imports: {},
    scopes: { ...scopes, [`${pathToFileURL(join(folder, "_shared"))}/`]: all },
  };
}

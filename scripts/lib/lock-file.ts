import { z } from "zod";

/**
 * The parts of an npm lock file (version 3) that matter for optional platform packages. All other parts are kept
 * unchanged.
 */
const lockFileSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      resolved: z.string().optional(),
      dev: z.boolean().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

type LockFile = z.infer<typeof lockFileSchema>;
type LockEntry = LockFile["packages"][string];

/** An optional dependency of a package in the lock file that the lock file does not list. */
export interface MissingPackage {
  /** Its folder, which is its key in the lock file. */
  path: string;
  entry: LockEntry;
}

/** Reads a package-lock.json. */
export function parseLock(text: string): LockFile {
  return lockFileSchema.parse(JSON.parse(text));
}

/**
 * Lists every optional dependency that a package of the lock file names and the lock file does not list.
 *
 * npm leaves a platform package out of the lock file if its registry does not have it. `npm ci` then fails on that
 * platform, or installs a tool without its binary. The added entries have no `integrity`: npm takes it from a registry
 * that has the package.
 *
 * @throws Error when the name of a missing package names no platform, or its version is a range
 */
export function missingPackages(lock: LockFile): MissingPackage[] {
  const missing: MissingPackage[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    const names = Object.entries(entry.optionalDependencies ?? {});
    for (const [name, version] of names) {
      if (!isListed(lock, path, name)) {
        const siblings = names.map(([sibling]) => sibling);
        missing.push(describeMissing({ name, version, siblings, parent: entry }));
      }
    }
  }
  return missing;
}

/**
 * The text of a lock file with every missing optional platform package, in npm's order and layout.
 *
 * @throws Error as {@link missingPackages}
 */
export function completeLock(text: string): string {
  const missing = missingPackages(parseLock(text));
  // Read again without the schema, which changes the order of the keys.
  const lock: LockFile = JSON.parse(text);
  const added = missing.map(({ path, entry }) => [path, entry] as const);
  const packages = [...Object.entries(lock.packages), ...added].sort(([a], [b]) =>
    a.localeCompare(b, "en"),
  );
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`;
}

// Node looks for a dependency in the node_modules of the package, then in every folder above it.
function isListed(lock: LockFile, from: string, name: string): boolean {
  for (let folder = from; ; folder = parentOf(folder)) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in lock.packages) {
      return true;
    }
    if (folder === "") {
      return false;
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/node_modules/")));
}

interface Wanted {
  name: string;
  version: string;
  /** The names of all optional dependencies of the parent. */
  siblings: string[];
  parent: LockEntry;
}

function describeMissing({ name, version, siblings, parent }: Wanted): MissingPackage {
  if (!/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(`${name} is missing from the lock file, and "${version}" is not one version.`);
  }
  const entry: LockEntry = {
    version,
    ...platformOf(name, siblings),
    ...(parent.dev === true ? { dev: true } : {}),
    optional: true,
  };
  return { path: `node_modules/${name}`, entry };
}

const operatingSystem =
  /^(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)$/;
const processor = /^(arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)$/;

/**
 * Reads operating system, processor and C library from a package name such as `@supabase/cli-linux-x64-musl`. A name without
 * a C library means glibc if there is also a build for musl, because npm would otherwise install both.
 */
function platformOf(name: string, siblings: string[]) {
  const words = name.split(/[/@_-]/);
  const system = words.find((word) => operatingSystem.test(word));
  const cpu = words.find((word) => processor.test(word));
  if (system === undefined || cpu === undefined) {
    throw new Error(`${name} is missing from the lock file, and its name names no platform.`);
  }
  const os = system === "windows" ? "win32" : system;
  const libc = os === "linux" ? libcOf(name, words, siblings) : undefined;
  return { cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }), os: [os] };
}

function libcOf(name: string, words: string[], siblings: string[]): string | undefined {
  if (words.includes("musl")) {
    return "musl";
  }
  const namesGlibc = words.includes("glibc") || words.includes("gnu");
  return namesGlibc || siblings.includes(`${name}-musl`) ? "glibc" : undefined;
}

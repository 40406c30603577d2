import { readFile, writeFile } from "node:fs/promises";
import { completeLock, missingPackages, parseLock } from "./lib/lock-file.ts";

/**
 * `npm run complete-lock`: adds the platform packages that npm left out of package-lock.json. It must be run after every
 * `npm install` that changes the lock file; a test fails if packages are missing.
 */
export async function run(): Promise<number> {
  const file = "package-lock.json";
  const text = await readFile(file, "utf8");
  const missing = missingPackages(parseLock(text));
  if (missing.length > 0) {
    await writeFile(file, completeLock(text));
  }
  for (const { path } of missing) {
    console.log(`added ${path.replace("node_modules/", "")}`);
  }
  console.log(
    missing.length === 0 ? "The lock file is complete." : "The lock file is now complete.",
  );
  return 0;
}

import { access, constants, mkdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../lib/user-error.ts";

/**
 * Makes the folder of a stack, readable by its owner alone, or checks the one that is there.
 *
 * @throws UserError when it cannot be a data folder
 */
export async function prepareFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `The data folder ${dir} cannot be used: ${reason}`,
      "Name another one with npm start -- --dir PATH.",
      { cause },
    );
  }
  for (const [name, text] of Object.entries(written)) {
    await writeFile(join(dir, name), text, { flag: "wx" }).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  }
  if ((await exists(join(dir, "postgres"))) && !(await exists(join(dir, "secrets.json")))) {
    throw new UserError(
      `The data folder ${dir} is broken: it has data and no secrets.json to open it with.`,
      "Put secrets.json back from a copy, or delete the local data with npm run reset.",
    );
  }
}

/** What goes into every folder, unless somebody has put a file of that name there. */
const written = {
  // Data and keys are no part of an app's history.
  ".gitignore": "*\n",
  // The router of the functions is copied here, and an app's own package.json may say "commonjs".
  "package.json": `${JSON.stringify({ type: "module" })}\n`,
};

/** Everything that a stack keeps in its folder. */
const ours = [
  "postgres",
  "postgres.new",
  "deno",
  "app",
  "router",
  "functions.import-map.json",
  "api.log",
  "functions.log",
  "initdb.log",
  "mails.jsonl",
  "postgres.log",
  "status.json",
  "lock.json",
  "secrets.json",
  "stripe.json",
  "stripe.log",
  "sweep.log",
];

/** Deletes what a stack has kept, and the folder when nothing of anybody else's is in it. */
export async function deleteData(dir: string): Promise<void> {
  for (const name of ours) await rm(join(dir, name), { recursive: true, force: true });
  for (const [name, text] of Object.entries(written)) {
    const file = join(dir, name);
    if ((await readFile(file, "utf8").catch(() => null)) === text) await rm(file);
  }
  await rmdir(dir).catch(() => {});
}

/** Whether a stack keeps data in the folder. */
export async function isDataFolder(dir: string): Promise<boolean> {
  return (
    (await exists(join(dir, "secrets.json"))) || (await exists(join(dir, "postgres", "PG_VERSION")))
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

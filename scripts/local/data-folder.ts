import { existsSync } from "node:fs";
import { access, constants, mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../lib/user-error.ts";

/**
 * Makes the folder of a stack, which only its owner can read, or checks the existing one.
 *
 * @throws UserError when it cannot be used, or has data without secrets
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
  if (existsSync(join(dir, "postgres")) && !existsSync(join(dir, "secrets.json"))) {
    throw new UserError(
      `The data folder ${dir} is broken: it has data and no secrets.json with its passwords.`,
      "Restore secrets.json from a copy, or delete the local data with npm run reset.",
    );
  }
}

/** The files that every folder gets, unless it has one of that name. */
const written = {
  // Data and keys must not be committed with the app.
  ".gitignore": "*\n",
  // The router of the functions is copied here. It is an ES module, and an app's package.json may have "commonjs".
  "package.json": `${JSON.stringify({ type: "module" })}\n`,
};

/** The files and folders that a stack makes in its folder. */
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

/** Deletes the files of a stack, and the folder when nothing else is in it. */
export async function deleteData(dir: string): Promise<void> {
  for (const name of ours) await rm(join(dir, name), { recursive: true, force: true });
  for (const [name, text] of Object.entries(written)) {
    const file = join(dir, name);
    if ((await readFile(file, "utf8").catch(() => null)) === text) await rm(file);
  }
  await rmdir(dir).catch(() => {});
}

/** Whether the folder has the data of a stack. */
export function isDataFolder(dir: string): boolean {
  return existsSync(join(dir, "secrets.json")) || existsSync(join(dir, "postgres", "PG_VERSION"));
}

import { execFile } from "node:child_process";
import { access, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../lib/user-error.ts";

const run = promisify(execFile);

/** The user that the server runs as when we are root, because Postgres refuses to run as root. */
export interface PostgresUser {
  uid: number;
  gid: number;
}

/** How to start a program so that it runs as the right user. */
export interface Invocation {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
}

/**
 * An existing user that Postgres can run as, or null when we are not root and it runs as ourselves.
 * No user is ever created: none is left behind.
 */
export async function postgresUser(): Promise<PostgresUser | null> {
  if (process.getuid?.() !== 0) return null;
  const accounts = (await readFile("/etc/passwd", "utf8"))
    .split("\n")
    .map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const account = accounts.find(([name]) => name === wanted);
    const uid = Number(account?.[2]);
    const gid = Number(account?.[3]);
    if (account && uid > 0) return { uid, gid };
  }
  throw new UserError(
    "Postgres does not run as root, and this system has neither a user postgres nor a user nobody.",
    "Run the command as an ordinary user.",
  );
}

/**
 * The invocation of `command` as that user. The checkout, or the data, may lie below a folder that
 * only root can enter; the server then gets the one capability that lets it pass, and no other.
 *
 * @param paths every path that the program must be able to reach
 */
export async function invocation(
  command: string,
  args: string[],
  user: PostgresUser | null,
  paths: string[],
): Promise<Invocation> {
  if (!user) return { command, args };
  const closed = await firstClosedFolder([command, ...paths], user);
  if (!closed) return { command, args, uid: user.uid, gid: user.gid };

  const setpriv = await findSetpriv();
  if (!setpriv) {
    throw new UserError(
      `Postgres does not run as root, and another user cannot enter ${closed}.`,
      "Run the command as an ordinary user, move the checkout out of that folder, or install setpriv (package util-linux).",
    );
  }
  const capability = "+dac_read_search";
  return {
    command: setpriv,
    args: [
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      "--clear-groups",
      `--inh-caps=${capability}`,
      `--ambient-caps=${capability}`,
      command,
      ...args,
    ],
  };
}

async function firstClosedFolder(paths: string[], user: PostgresUser): Promise<string | null> {
  for (const path of paths) {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const { mode, uid, gid } = await stat(folder);
      const mayEnter =
        uid === user.uid ? mode & 0o100 : gid === user.gid ? mode & 0o010 : mode & 0o001;
      if (!mayEnter) return folder;
      if (folder === dirname(folder)) break;
    }
  }
  return null;
}

/** util-linux has setpriv; busybox has one too, without capabilities. */
async function findSetpriv(): Promise<string | null> {
  for (const path of ["/usr/bin/setpriv", "/bin/setpriv"]) {
    try {
      await access(path);
      const { stdout } = await run(path, ["--help"]);
      if (stdout.includes("--ambient-caps")) return path;
    } catch {
      // Not this one.
    }
  }
  return null;
}

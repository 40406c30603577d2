import { execFile, type SpawnOptions } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../lib/user-error.ts";

const run = promisify(execFile);

/** The user that the server runs as when we are root, because Postgres refuses to run as root. */
export interface PostgresUser {
  uid: number;
  gid: number;
}

/** How to spawn a program as the right user, in a process group of its own. */
export interface Invocation {
  command: string;
  args: string[];
  options: SpawnOptions;
}

/**
 * The user that Postgres runs as, or null when we are not root and it runs as ourselves: the owner of the
 * data where there is some, else an existing user of the system. None is ever created.
 *
 * @throws UserError when the system has no user for it
 */
export async function postgresUser(data: string): Promise<PostgresUser | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(data).catch(() => null);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };

  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  const accounts = text.split("\n").map((line) => line.split(":"));
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
 * How to start `command` as that user. The checkout, or the data, may lie below a folder that only root can
 * enter; the server then gets the one capability that lets it pass, and no other.
 *
 * @param paths every path that the program must be able to reach
 * @throws UserError when it could not reach them
 */
export async function startAs(
  command: string,
  args: string[],
  user: PostgresUser | null,
  paths: string[],
): Promise<Invocation> {
  const options: SpawnOptions = {
    cwd: "/",
    // Ctrl-C reaches the terminal's process group; the server is stopped by us, in order.
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
  };
  if (!user) return { command, args, options };
  const closed = await firstClosedFolder([command, ...paths], user);
  if (!closed) return { command, args, options: { ...options, ...user } };

  const capability = "+dac_read_search";
  const privileges = [
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    "--clear-groups",
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
    // Or access(2), by which initdb looks for its postgres, would leave the capability out.
    "--securebits=+no_setuid_fixup",
  ];
  if (!(await works("setpriv", [...privileges, command, "--version"]))) {
    throw new UserError(
      `Postgres does not run as root, and another user cannot enter ${closed}.`,
      "Run the command as an ordinary user, move the checkout and the data out of that folder, or install setpriv (package util-linux).",
    );
  }
  return { command: "setpriv", args: [...privileges, command, ...args], options };
}

async function firstClosedFolder(paths: string[], user: PostgresUser): Promise<string | null> {
  for (const path of paths) {
    let folder = path;
    do {
      folder = dirname(folder);
      const { mode, uid, gid } = await stat(folder);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if (!(mode & bit)) return folder;
    } while (folder !== dirname(folder));
  }
  return null;
}

/** The setpriv of busybox knows nothing of capabilities, and a container may not have them to give. */
async function works(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

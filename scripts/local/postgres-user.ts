import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../lib/user-error.ts";

const run = promisify(execFile);

/** The user that Postgres runs as when this process runs as root, because Postgres refuses to run as root. */
export interface PostgresUser {
  uid: number;
  gid: number;
}

/**
 * The user that Postgres runs as: the owner of the data if there is some, otherwise an existing user of the system. No
 * user is ever created. Null when this process does not run as root, and Postgres runs as the same user.
 *
 * @throws UserError when the system has no suitable user
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
 * Starts `command` as that user. The checkout or the data may lie below a folder that only root can enter. Then the
 * program gets the one capability that lets it pass, and no other.
 *
 * @param paths every path that the program must be able to reach
 * @param output a file descriptor for what the program prints
 * @throws UserError when the program could not reach them
 */
export async function spawnAs(
  user: PostgresUser | null,
  command: string,
  args: string[],
  paths: string[],
  output: number,
): Promise<ChildProcess> {
  const options: SpawnOptions = {
    cwd: "/",
    // In another process group, which Ctrl-C does not reach: the stack stops its parts in order.
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", output, output],
  };
  const closed = user && (await firstClosedFolder([command, ...paths], user));
  if (!user || !closed) return spawn(command, args, { ...options, ...user });

  const capability = "+dac_read_search";
  const privileges = [
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    "--clear-groups",
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
    // Without it access(2), by which initdb looks for its postgres, ignores the capability.
    "--securebits=+no_setuid_fixup",
  ];
  if (!(await succeeds("setpriv", [...privileges, command, "--version"]))) {
    throw new UserError(
      `Postgres does not run as root, and another user cannot enter ${closed}.`,
      "Run the command as an ordinary user, move the checkout and the data out of that folder, or install setpriv (package util-linux).",
    );
  }
  return spawn("setpriv", [...privileges, command, ...args], options);
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

/** Whether a command succeeds. The setpriv of busybox has no capabilities, and a container may not have this one. */
async function succeeds(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

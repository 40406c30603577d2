import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { UserError } from "../lib/user-error.ts";
import { type PostgresBinaries, postgresBinaries } from "./postgres-binaries.ts";
import { invocation, type PostgresUser, postgresUser } from "./postgres-user.ts";
import { commandLineOf, gone, isAlive } from "./processes.ts";

/** A running server. */
export interface PostgresServer {
  port: number;
  /** True when this start created the cluster. */
  isNew: boolean;
  /** Settles when the server process ends, however it ends. */
  ended: Promise<void>;
  /** Ends every session and stops the server; `force` does not wait for a checkpoint. */
  stop(force?: boolean): Promise<void>;
}

/** What the server needs to know. */
export interface PostgresOptions {
  /** The folder of the stack; the cluster is its subfolder `postgres`, the log its `postgres.log`. */
  dir: string;
  port: number;
  /** The bootstrap superuser, which on hosted Supabase is the platform's own. */
  superuser: string;
  password: string;
}

const settings = {
  listen_addresses: "127.0.0.1",
  // A socket path longer than 107 bytes is refused, and a data folder may be deeper than that.
  unix_socket_directories: "",
  wal_level: "logical",
  // A power cut may lose the last moments, never the consistency: right for a development machine.
  synchronous_commit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  cluster_name: "pinebase",
};

/**
 * Starts the server of a folder and creates its cluster first where there is none. A server that a
 * killed stack left behind on the same folder is stopped before.
 *
 * @throws UserError when the platform has no server, the folder is broken or the port is taken
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = await postgresBinaries();
  const user = await postgresUser();
  const data = join(options.dir, "postgres");

  const isNew = !(await hasCluster(data));
  if (isNew) await createCluster(binaries, user, data, options);
  await stopOrphan(data);

  const log = join(options.dir, "postgres.log");
  const output = await open(log, "w", 0o600);
  let child: ChildProcess;
  try {
    const args = ["-D", data, "-p", String(options.port)];
    for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
    child = await start(binaries.postgres, args, user, [join(data, "PG_VERSION")], output.fd);
  } finally {
    await output.close();
  }

  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let running = true;
  void ended.then(() => {
    running = false;
  });

  const stop = async (force = false) => {
    if (!running) return;
    child.kill(force ? "SIGQUIT" : "SIGINT");
    const late = sleep(force ? 2_000 : 10_000, "late" as const, { ref: false });
    if ((await Promise.race([ended, late])) === "late") {
      child.kill("SIGKILL");
      await ended;
    }
  };

  while (running && !(await answers(options))) await sleep(20);
  if (!running) throw await startFailure(log, data, options.port);
  return { port: options.port, isNew, ended, stop };
}

/** Where the superuser connects. */
export function superuserUrl(options: PostgresOptions, database: string): string {
  const { superuser, password, port } = options;
  return `postgresql://${superuser}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
}

async function hasCluster(data: string): Promise<boolean> {
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => null);
  if (version === null || version.trim() === "17") return version !== null;
  throw new UserError(
    `The data in ${data} was made by Postgres ${version.trim()}, and this is Postgres 17.`,
    "Keep it elsewhere, or delete it with npm run reset.",
  );
}

/**
 * Creates the cluster as Supabase's image does: UTF-8, ICU's en-US, passwords by SCRAM. It is made
 * beside its place and moved there when it is whole, so that a start that was cut off leaves none.
 */
async function createCluster(
  binaries: PostgresBinaries,
  user: PostgresUser | null,
  data: string,
  options: PostgresOptions,
): Promise<void> {
  const draft = `${data}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  if (user) await chown(draft, user.uid, user.gid);

  const secrets = await mkdtemp(join(tmpdir(), "pinebase-"));
  const passwordFile = join(secrets, "password");
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (user) {
    await chown(secrets, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const log = join(options.dir, "initdb.log");
  const output = await open(log, "w", 0o600);
  try {
    const args = [
      `--pgdata=${draft}`,
      `--username=${options.superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=icu",
      "--icu-locale=en-US",
      "--no-instructions",
      "--no-sync",
    ];
    const child = await start(binaries.initdb, args, user, [join(draft, "x")], output.fd);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    if (code !== 0) {
      const said = await lastLine(log);
      await rm(draft, { recursive: true, force: true });
      throw new UserError(
        `Postgres could not create its data folder ${data}: ${said}`,
        `The whole output is in ${log}.`,
      );
    }
    await rename(draft, data);
  } finally {
    await output.close();
    await rm(secrets, { recursive: true, force: true });
  }
}

async function start(
  program: string,
  args: string[],
  user: PostgresUser | null,
  paths: string[],
  output: number,
): Promise<ChildProcess> {
  const { command, args: all, ...ids } = await invocation(program, args, user, paths);
  const child = spawn(command, all, {
    ...ids,
    cwd: "/",
    // Its own process group: Ctrl-C reaches the terminal's group, and we stop the server in order.
    detached: true,
    stdio: ["ignore", output, output],
    env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child;
}

/** Stops the server that still runs on this very folder though the stack that started it is gone. */
async function stopOrphan(data: string): Promise<void> {
  const lines = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  const [pidLine, folder] = lines.split("\n");
  const pid = Number(pidLine);
  if (!(pid > 0) || folder !== data || !isAlive(pid)) return;
  const command = await commandLineOf(pid);
  if (!command?.includes(data)) return;
  process.kill(pid, "SIGINT");
  if (await gone(pid, 10_000)) return;
  process.kill(pid, "SIGKILL");
  await gone(pid, 5_000);
}

async function answers(options: PostgresOptions): Promise<boolean> {
  const sql = postgres(superuserUrl(options, "postgres"), { max: 1, connect_timeout: 2 });
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function startFailure(log: string, data: string, port: number): Promise<UserError> {
  const text = await readFile(log, "utf8");
  if (/could not bind|Address already in use/.test(text)) return portInUse("database", port);
  const cause = /(?:FATAL|PANIC): {2}(.+)/.exec(text)?.[1] ?? (await lastLine(log));
  return new UserError(
    `Postgres does not start on the data folder ${data}: ${cause}`,
    `The whole output is in ${log}. If the data may go, delete it with npm run reset and start again.`,
  );
}

/** The error for a port that another program has. */
export function portInUse(what: string, port: number): UserError {
  return new UserError(
    `Port ${port}, for the ${what}, is in use by another program.`,
    "Stop that program, or take free ports with npm start -- --port 0.",
  );
}

async function lastLine(file: string): Promise<string> {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  return lines.at(-1) ?? "it said nothing";
}

/** A password that needs no escaping in a connection URL. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}

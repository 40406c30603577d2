import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { UserError } from "../lib/user-error.ts";
import { findPort, portError } from "./port.ts";
import { postgresBinaries } from "./postgres-binaries.ts";
import { createCluster, hasCluster } from "./postgres-cluster.ts";
import { postgresUser, spawnAs } from "./postgres-user.ts";
import { commandLineOf, gone, isAlive, supervise } from "./processes.ts";
import { watchOver } from "./watchdog.ts";

/** A running server. */
export interface PostgresServer {
  port: number;
  /** Settles when the server process ends, however it ends. */
  ended: Promise<unknown>;
  /** Ends every session and stops the server. */
  stop(): Promise<void>;
}

/** How the server is started. */
export interface PostgresOptions {
  /** The folder of the stack; the cluster is its subfolder `postgres`, the log its `postgres.log`. */
  dir: string;
  /** 0 takes a free one. */
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
  timezone: "UTC",
  log_timezone: "UTC",
  cluster_name: "pinebase",
  // A connection that is opened during a shutdown and sends nothing delays the shutdown by this time, by default a minute.
  // No signal ends it sooner.
  authentication_timeout: "10s",
};

/**
 * Starts the server of a folder. It creates the cluster first where there is none, and stops a server that a killed
 * stack has left behind on the same folder.
 *
 * @throws UserError when the platform has no server, the folder is broken or the port is taken
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = await postgresBinaries();
  const data = join(options.dir, "postgres");
  const user = await postgresUser(data);
  if (!(await hasCluster(data))) {
    await createCluster({ ...options, initdb: binaries.initdb, data, user });
  }
  await stopOrphan(options.dir);

  const log = join(options.dir, "postgres.log");
  for (let attempt = 1; ; attempt += 1) {
    const port = await findPort("database", options.port);
    const args = ["-D", data, "-p", String(port)];
    for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
    const output = await open(log, "w", 0o600);
    const paths = [join(data, "PG_VERSION")];
    const child = await spawnAs(user, binaries.postgres, args, paths, output.fd);
    // SIGQUIT is an immediate shutdown. The next start recovers, as after a crash.
    const { ended, stop } = supervise(child, "SIGQUIT");
    const server = { port, ended, stop: () => stop(() => child.kill("SIGINT"), 10_000) };
    await output.close();
    if (await isReady(server, superuserUrl({ ...options, port }, "postgres"), options.dir)) {
      const endWatch = await watchOver(options.dir);
      void server.ended.then(endWatch);
      return server;
    }

    const text = await readFile(log, "utf8");
    if (!/could not bind|Address already in use/.test(text)) throw startFailure(text, log, data);
    // Another program took the port after it was found free. A second search may find another port.
    if (options.port !== 0 || attempt === 5) throw portError("database", port);
  }
}

/** The superuser's URL of a database. */
export function superuserUrl(
  options: Pick<PostgresOptions, "superuser" | "password" | "port">,
  database: string,
): string {
  const { superuser, password, port } = options;
  return `postgresql://${superuser}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
}

/**
 * Waits until the server accepts connections. Returns false when it ended instead.
 *
 * @throws UserError when it refuses our password
 */
async function isReady(server: PostgresServer, url: string, dir: string): Promise<boolean> {
  let isRunning = true;
  void server.ended.then(() => {
    isRunning = false;
  });
  while (isRunning) {
    const state = await tryToConnect(url);
    if (state === "ready") return true;
    if (state === "refused") {
      await server.stop();
      throw new UserError(
        `The data folder ${dir} is broken: its secrets.json does not have the password of its database.`,
        "Restore the secrets.json that belongs to it, or delete the local data with npm run reset.",
      );
    }
    await sleep(20);
  }
  return false;
}

async function tryToConnect(url: string): Promise<"ready" | "refused" | "not yet"> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
  try {
    await sql`select 1`;
    return "ready";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    // Class 28: invalid authorization.
    return code.startsWith("28") ? "refused" : "not yet";
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Stops a server that still runs on this folder although the stack that started it is gone. */
export async function stopOrphan(dir: string): Promise<void> {
  const data = join(dir, "postgres");
  const lines = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  const [pidLine, folder] = lines.split("\n");
  const pid = Number(pidLine);
  if (!(pid > 0) || folder !== data || !isAlive(pid)) return;
  // The id may belong to another program by now.
  if (!(await commandLineOf(pid))?.includes(data)) return;
  process.kill(pid, "SIGINT");
  if (await gone(pid, 10_000)) return;
  process.kill(pid, "SIGKILL");
  await gone(pid, 5_000);
}

function startFailure(text: string, log: string, data: string): UserError {
  const cause = /(?:FATAL|PANIC): {2}(.+)/.exec(text)?.[1] ?? text.trim().split("\n").at(-1);
  return new UserError(
    `Postgres does not start on the data folder ${data}: ${cause || "it printed nothing"}`,
    `The whole output is in ${log}. If the data may go, delete it with npm run reset and start again.`,
  );
}

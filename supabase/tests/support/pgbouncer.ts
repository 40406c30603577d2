import { spawn, spawnSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findPort } from "../../../scripts/local/port.ts";
import { postgresUser } from "../../../scripts/local/postgres-user.ts";
import { scratchFolder } from "./commands.ts";

/** Whether PgBouncer is installed on this machine; npm has no package of it. */
export const hasPgbouncer = spawnSync("pgbouncer", ["--version"]).status === 0;

/** A running PgBouncer. */
export interface Pgbouncer {
  /** Where clients connect. */
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts PgBouncer in transaction mode in front of a database.
 *
 * @param databaseUrl every client is given its user and password
 * @param connections how many connections to the database all clients share
 */
export async function startPgbouncer(databaseUrl: string, connections: number): Promise<Pgbouncer> {
  const { hostname, port, pathname, username, password } = new URL(databaseUrl);
  const folder = await scratchFolder();
  // Like Postgres, PgBouncer refuses to run as root.
  const user = await postgresUser(folder.path);
  const ownPort = await findPort("PgBouncer", 0);
  const file = join(folder.path, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
pooled = host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username} password=${password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 100
`,
  );
  await chmod(folder.path, 0o755);
  const child = spawn("pgbouncer", ["--quiet", file], { stdio: "ignore", ...user });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await untilListening(ownPort);
  return {
    url: `postgresql://anybody@127.0.0.1:${ownPort}/pooled`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await folder.remove();
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const opened = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.unref();
    });
    if (opened) return;
    await sleep(50);
  }
  throw new Error("PgBouncer does not accept connections.");
}

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import {
  createPlatformDatabase,
  type DefaultPrivileges,
  preparePlatform,
} from "../../../scripts/local/platform.ts";
import { startPostgres, superuserUrl } from "../../../scripts/local/postgres.ts";
import { loadSecrets } from "../../../scripts/local/secrets.ts";

/**
 * A Postgres server of one test file with the platform baseline, and neither Auth nor Data API. Tests
 * that change what belongs to the whole server, as a migration's role settings do, need their own.
 */
export interface Platform {
  /** Makes an empty platform database and gives the URL of its role postgres. */
  createDatabase(name: string, defaultPrivileges: DefaultPrivileges): Promise<string>;
  /** Runs a piece of work over a superuser's connection. */
  asAdmin<T>(database: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Starts the server in a folder that `stop` deletes. */
export async function startPlatform(): Promise<Platform> {
  const dir = await mkdtemp(join(tmpdir(), "pinebase-platform-"));
  const secrets = await loadSecrets(dir);
  const options = {
    dir,
    port: await freePort(),
    superuser: "supabase_admin",
    password: secrets.superuserPassword,
  };
  const server = await startPostgres(options);
  const adminUrl = (database: string) => superuserUrl(options, database);
  await preparePlatform(adminUrl, secrets);

  return {
    async createDatabase(name, defaultPrivileges) {
      await createPlatformDatabase(adminUrl, name, defaultPrivileges);
      const { host } = new URL(adminUrl(name));
      return `postgresql://postgres:${secrets.databasePassword}@${host}/${name}?sslmode=disable`;
    },
    async asAdmin(database, work) {
      const sql = postgres(adminUrl(database), { max: 1, onnotice: () => {} });
      try {
        return await work(sql);
      } finally {
        await sql.end();
      }
    },
    async stop() {
      await server.stop(true);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Error("The system gave no port."));
          return;
        }
        resolve(address.port);
      });
    });
  });
}

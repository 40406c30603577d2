import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { pushMigrations } from "../local/migrations.ts";
import {
  createPlatformDatabase,
  type DefaultPrivileges,
  preparePlatform,
} from "../local/platform.ts";
import { startPostgres, superuserUrl } from "../local/postgres.ts";
import { loadSecrets } from "../local/secrets.ts";

/**
 * A Postgres server with the platform baseline, for one purpose and then thrown away; neither Auth nor
 * Data API. Role settings belong to the whole server: who changes them needs one of their own.
 */
export interface ScratchPlatform {
  /** Makes an empty platform database and gives the URL of its role postgres. */
  createDatabase(name: string, defaultPrivileges: DefaultPrivileges): Promise<string>;
  /** Runs a piece of work over a superuser's connection. */
  asAdmin<T>(database: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Starts the server in a folder that `stop` deletes. */
export async function startScratchPlatform(): Promise<ScratchPlatform> {
  const dir = await mkdtemp(join(tmpdir(), "pinebase-platform-"));
  const secrets = await loadSecrets(dir);
  const superuser = { superuser: "supabase_admin", password: secrets.superuserPassword };
  const server = await startPostgres({ dir, port: 0, ...superuser });
  const adminUrl = (database: string) =>
    superuserUrl({ ...superuser, port: server.port }, database);
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
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Gives a piece of work the URL of a throw-away database that has every migration. */
export async function withMigratedDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const platform = await startScratchPlatform();
  try {
    const url = await platform.createDatabase("scratch", "revoked");
    await pushMigrations(url);
    return await work(url);
  } finally {
    await platform.stop();
  }
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { withConnection } from "../local/connection.ts";
import { pushMigrations } from "../local/migrations.ts";
import {
  createPlatformDatabase,
  type DefaultPrivileges,
  preparePlatform,
} from "../local/platform.ts";
import { startPostgres, superuserUrl } from "../local/postgres.ts";
import { loadSecrets } from "../local/secrets.ts";

/**
 * A temporary Postgres server with the platform baseline, without Auth and Data API. Settings of roles belong to the whole
 * server, so a test that changes them needs its own server.
 */
export interface ScratchPlatform {
  /** Creates an empty platform database and returns its URL for the role postgres. */
  createDatabase(name: string, defaultPrivileges: DefaultPrivileges): Promise<string>;
  /** Calls `use` with a superuser's connection. */
  asAdmin<T>(database: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T>;
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
    asAdmin: (database, use) => withConnection(adminUrl(database), use),
    async stop() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Calls `use` with the URL of a scratch database that has every migration. */
export async function withMigratedDatabase<T>(use: (url: string) => Promise<T>): Promise<T> {
  const platform = await startScratchPlatform();
  try {
    const url = await platform.createDatabase("scratch", "revoked");
    await pushMigrations(url);
    return await use(url);
  } finally {
    await platform.stop();
  }
}

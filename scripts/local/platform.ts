import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import { withConnection } from "./connection.ts";
import type { Secrets } from "./secrets.ts";

/** Whether new objects in public are granted to the API roles automatically. Hosted projects of both kinds exist. */
export type DefaultPrivileges = "granted" | "revoked";

/** The database that every platform database is copied from. It accepts no connections once it is complete. */
const template = "pinebase_platform";

/** Returns the superuser's URL of a database. */
export type AdminUrl = (database: string) => string;

/**
 * Makes the roles and the template database, unless an earlier start has made them. A run that was interrupted is
 * completed by the next one.
 */
export async function preparePlatform(adminUrl: AdminUrl, secrets: Secrets): Promise<void> {
  await withConnection(adminUrl("template1"), async (sql) => {
    const [found] = await sql`
      select
        to_regrole('postgres') is not null as roles,
        exists (select from pg_database where datname = ${template} and datistemplate) as template
    `;
    if (!found?.roles) await createRoles(sql, secrets);
    if (found?.template) return;
    await sql.unsafe(`drop database if exists ${template}`);
    await sql.unsafe(`create database ${template}`);
    await withConnection(adminUrl(template), (own) =>
      own.begin(async (t) => {
        // The tables of the local Auth server, which platform.sql then gives the form that hosted's have.
        const { getAuthSchemaSql } = await import("@supabase/lite");
        await t.unsafe(getAuthSchemaSql());
        await run(t, "platform.sql");
      }),
    );
    await sql.unsafe(`alter database ${template} with is_template true allow_connections false`);
  });
}

/** Whether the database exists and is complete. */
export async function hasPlatformDatabase(adminUrl: AdminUrl, name: string): Promise<boolean> {
  return withConnection(adminUrl("template1"), async (sql) => {
    const rows = await sql`
      select from pg_database
      where datname = ${name} and datdba = to_regrole('postgres')
    `;
    return rows.length > 0;
  });
}

/** Makes a database that holds the platform baseline and nothing else. It replaces an incomplete one. */
export async function createPlatformDatabase(
  adminUrl: AdminUrl,
  name: string,
  defaultPrivileges: DefaultPrivileges,
): Promise<void> {
  await withConnection(adminUrl("template1"), async (sql) => {
    await sql`drop database if exists ${sql(name)} with (force)`;
    await sql`create database ${sql(name)} template ${sql(template)}`;
    if (defaultPrivileges === "granted") {
      await withConnection(adminUrl(name), (own) => run(own, "default-privileges.sql"));
    }
    // This comes last, because the owner marks a complete database.
    await sql`alter database ${sql(name)} owner to postgres`;
  });
}

/** Drops a database and ends its sessions. */
export async function dropDatabase(adminUrl: AdminUrl, name: string): Promise<void> {
  await withConnection(adminUrl("template1"), async (sql) => {
    await sql`drop database if exists ${sql(name)} with (force)`;
  });
}

async function createRoles(sql: postgres.Sql, secrets: Secrets): Promise<void> {
  await sql.begin(async (t) => {
    await run(t, "roles.sql");
    const passwords = {
      postgres: secrets.databasePassword,
      authenticator: secrets.servicePassword,
      supabase_auth_admin: secrets.servicePassword,
      supabase_storage_admin: secrets.servicePassword,
    };
    for (const [role, password] of Object.entries(passwords)) {
      await t.unsafe(`alter role ${role} password '${password}'`);
    }
  });
}

async function run(sql: postgres.Sql | postgres.TransactionSql, file: string): Promise<void> {
  await sql.unsafe(await readFile(join(import.meta.dirname, file), "utf8"));
}

import type { PostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";
import { z } from "zod";

/** The settings of each role, such as its statement_timeout. */
export type RoleSettings = ReadonlyMap<
  string,
  ReadonlyArray<readonly [name: string, value: string]>
>;

/** The part of a request's context that holds its role. */
const requestSchema = z
  .object({ auth: z.object({ role: z.string().catch("anon") }) })
  .catch({ auth: { role: "anon" } });

/** Reads the settings of the roles that a request may have. */
export async function readRoleSettings(sql: postgres.Sql): Promise<RoleSettings> {
  const rows = await sql<{ role: string; settings: string[] }[]>`
    select rolname as role, rolconfig as settings
    from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role') and rolconfig is not null
  `;
  return new Map(
    rows.map(({ role, settings }) => [
      role,
      settings.map((setting) => {
        const equals = setting.indexOf("=");
        return [setting.slice(0, equals), setting.slice(equals + 1)] as const;
      }),
    ]),
  );
}

/**
 * Applies the settings of a request's role to its transaction, as PostgREST does. Postgres applies such settings only when
 * a role signs in, and these roles never do.
 */
export function withRoleSettings(
  connection: PostgresConnection,
  settings: () => Promise<RoleSettings>,
): PostgresConnection["withContext"] {
  const original = connection.withContext.bind(connection);
  return async (vars, work, options) => {
    const ofRole = (await settings()).get(requestSchema.parse(vars).auth.role) ?? [];
    return original(
      vars,
      async (db) => {
        for (const [name, value] of ofRole) {
          await db
            .selectNoFrom((eb) =>
              eb.fn("set_config", [eb.val(name), eb.val(value), eb.lit(true)]).as("set"),
            )
            .execute();
        }
        return work(db);
      },
      options,
    );
  };
}

import type { Sql } from "postgres";
import { withConnection } from "../local/connection.ts";
import { supabase } from "../local/supabase-cli.ts";
import { type ChildOptions, packageFile, runNodeProgram } from "./child.ts";
import { UserError } from "./user-error.ts";

/** The file of the generated types, which is committed. */
export const databaseTypesFile = "types/database.types.ts";

const header = `// Generated from the schema by npm run gen:types. Never edited: the narrowing layer is beside it.

`;

/**
 * The TypeScript types of the exposed schema of a database: the Supabase CLI's output, then the rights of a signed-in user
 * and the values that checks allow, all formatted by Biome. The same schema gives the same text.
 *
 * @param databaseUrl with `?sslmode=disable` if the server has no TLS; otherwise the CLI prints a notice among the types
 * @throws UserError with the CLI's message when it fails
 */
export async function generateDatabaseTypes(
  databaseUrl: string,
  signal?: AbortSignal,
): Promise<string> {
  const args = ["gen", "types", "--lang=typescript", "--schema=public", `--remote=${databaseUrl}`];
  const generated = await supabase(args);
  if (generated.code !== 0) {
    throw new UserError(
      `The Supabase CLI could not generate the types: ${generated.stderr.trim()}`,
      "Check that the database runs, then run the command again.",
    );
  }
  const formatted = await biome(["format", `--stdin-file-path=${databaseTypesFile}`], {
    signal,
    input: [header + generated.stdout.trimStart(), ...(await ownTypes(databaseUrl))].join("\n"),
  });
  if (formatted.code !== 0) {
    throw new Error(`Biome could not format the generated types:\n${formatted.output}`);
  }
  return formatted.stdout;
}

/** What the CLI's types lack. */
function ownTypes(databaseUrl: string): Promise<string[]> {
  return withConnection(databaseUrl, async (sql) => [
    await privilegeTypes(sql),
    await columnValues(sql),
  ]);
}

/** The columns that a signed-in user may read and write, and the functions that they may call. */
async function privilegeTypes(sql: Sql): Promise<string> {
  const columns = await sql<{ table: string; part: string; names: string[] }[]>`
    select
      c.relname as table,
      p.part,
      coalesce(
        array_agg(a.attname::text order by a.attname)
          filter (where has_column_privilege('authenticated', c.oid, a.attnum, p.privilege)),
        '{}'
      ) as names
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join (
      values (1, 'Row', 'select'), (2, 'Insert', 'insert'), (3, 'Update', 'update')
    ) as p (place, part, privilege)
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p', 'v')
      and has_any_column_privilege('authenticated', c.oid, 'select')
    group by c.relname, p.place, p.part
    order by c.relname, p.place`;
  const functions = await sql<{ name: string }[]>`
    select distinct p.proname as name
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and has_function_privilege('authenticated', p.oid, 'execute')
    order by p.proname`;
  const tables = new Map<string, { part: string; names: string[] }[]>();
  for (const { table, ...part } of columns) {
    tables.set(table, [...(tables.get(table) ?? []), part]);
  }
  const lines = [...tables].map(
    ([table, parts]) =>
      `${table}: { ${parts.map(({ part, names }) => `${part}: ${union(names)};`).join(" ")} };`,
  );
  return `/** The columns that a signed-in user may read (Row), insert and update, by table. */
export interface UserColumns { ${lines.join("\n")} }

/** The functions that a signed-in user may call. */
export type UserFunctions = ${union(functions.map(({ name }) => name))};
`;
}

/**
 * The values of each column whose check lists them, in the order of the check. Postgres prints every such check as
 * `CHECK ((column = ANY (ARRAY['one'::text, 'two'::text])))`.
 */
async function columnValues(sql: Sql): Promise<string> {
  const checks = await sql<{ table: string; columns: string }[]>`
    select
      c.table,
      string_agg(format('%s: [%s]', c.column, c.values), ', ' order by c.column) as columns
    from (
      select
        t.relname as table,
        a.attname as column,
        replace(substring(pg_get_constraintdef(k.oid) from 'ARRAY\\[(.*)\\]'), '::text', '') as values
      from pg_catalog.pg_constraint as k
      join pg_catalog.pg_class as t on t.oid = k.conrelid
      join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.connamespace = 'public'::regnamespace
        and k.contype = 'c'
        and pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\((\\w+|"\\w+") = ANY \\(ARRAY\\[(''[^'']+''::text(, )?)+\\]\\)\\)\\)$'
    ) as c
    group by c.table
    order by c.table`;
  return `/** The values that the checks of the database allow, by table and column. */
export const columnValues = {
${checks.map(({ table, columns }) => `${table}: { ${columns} },`).join("\n")}
} as const;
`;
}

function union(names: readonly string[]): string {
  return names.length === 0 ? "never" : names.map((name) => JSON.stringify(name)).join(" | ");
}

/** Runs Biome. */
export function biome(args: readonly string[], options?: ChildOptions) {
  return runNodeProgram(packageFile("@biomejs/biome", "bin/biome"), args, options);
}

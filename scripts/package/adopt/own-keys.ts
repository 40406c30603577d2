import type { Sql } from "postgres";

/** The tables of the original schema. */
export const originalTables = [
  "users",
  "api_keys",
  "indicators",
  "custom_indicators",
  "strategies",
  "strategy_versions",
  "strategy_components",
  "subscriptions",
  "coupons",
  "user_coupons",
] as const;

/**
 * Lets the foreign keys of an app's own tables lead to the tables of another schema: they have followed the
 * original tables to legacy. A key that some row breaks is kept for new rows alone, and named.
 *
 * @param ours the tables in public that Pinebase makes, whose keys are its own matter
 */
export async function leadOwnKeys(
  sql: Sql,
  from: "public" | "legacy",
  to: "public" | "legacy",
  ours: readonly string[],
): Promise<string[]> {
  return await sql.begin(async (tx) => {
    const keys = await tx<{ table: string; name: string; definition: string }[]>`
      select
        format('%I.%I', n.nspname, t.relname) as table,
        quote_ident(c.conname) as name,
        pg_get_constraintdef(c.oid) as definition
      from pg_constraint as c
      join pg_class as t on t.oid = c.conrelid
      join pg_namespace as n on n.oid = t.relnamespace
      join pg_class as target on target.oid = c.confrelid
      where c.contype = 'f'
        and target.relnamespace = to_regnamespace(${from})
        and target.relname = any (${[...originalTables]})
        and n.nspname not in ('legacy', 'private')
        and not (n.nspname = 'public' and t.relname = any (${[...ours]}))`;
    const broken: string[] = [];
    for (const { table, name, definition } of keys) {
      const moved = definition
        .replace(/REFERENCES (?:(?:public|legacy)\.)?/, `REFERENCES ${to}.`)
        .replace(/ NOT VALID$/, "");
      await tx.unsafe(
        `alter table ${table} drop constraint ${name}, add constraint ${name} ${moved} not valid`,
      );
      await tx
        .savepoint((inner) => inner.unsafe(`alter table ${table} validate constraint ${name}`))
        .catch(() =>
          broken.push(`${table}: rows break its key ${name}, which now binds new rows alone`),
        );
    }
    return broken;
  });
}

/** What of an app's own still reads the original tables by their old place, or has followed them. */
export async function readersOfOriginals(sql: Sql): Promise<string[]> {
  const names = originalTables.join("|");
  const rows = await sql<{ what: string }[]>`
    select format('function %s mentions one of the tables', p.oid::regprocedure) as what
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and p.prosqlbody is null
      and p.prosrc ~* ${`\\m(from|join|into|update)\\s+(public\\.)?(${names})\\M`}
    union all
    select format('view %I.%I reads schema legacy', v.schemaname, v.viewname)
    from pg_views as v
    where v.schemaname not in ('legacy', 'pg_catalog', 'information_schema')
      and v.definition ~ '\\mlegacy\\.'
    union all
    select format('policy %I on %I.%I reads schema legacy', p.policyname, p.schemaname, p.tablename)
    from pg_policies as p
    where p.schemaname <> 'legacy'
      and concat(p.qual, p.with_check) ~ '\\mlegacy\\.'
    order by what`;
  return rows.map(({ what }) => what);
}

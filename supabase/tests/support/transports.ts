import postgres from "postgres";
import type { Member } from "./members.ts";
import { stack } from "./stack.ts";
import { actAs, type Claims, userClaims } from "./transactions.ts";

/** The status of an answer, and the rows, the result or the error in it. */
export interface Answer {
  status: number;
  body: unknown;
}

/** A filter of the Data API, such as `{id: "eq.7"}`. */
export type Filters = Record<string, string>;

/** A way to send requests to the database, as a user or, where `who` is null, as the service role. */
export interface Transport {
  rpc(who: Member | null, name: string, args: Record<string, unknown>): Promise<Answer>;
  insert(who: Member, table: string, row: Record<string, unknown>): Promise<Answer>;
  update(
    who: Member,
    table: string,
    filters: Filters,
    row: Record<string, unknown>,
  ): Promise<Answer>;
  remove(who: Member, table: string, filters: Filters): Promise<Answer>;
  close(): Promise<void>;
}

/** The Data API over HTTP. */
export function httpTransport(): Transport {
  const request = async (who: Member | null, method: string, path: string, body?: object) => {
    const response = await fetch(`${stack.API_URL}/rest/v1/${path}`, {
      method,
      headers: {
        apikey: who ? stack.PUBLISHABLE_KEY : stack.SECRET_KEY,
        authorization: `Bearer ${who?.token ?? stack.SECRET_KEY}`,
        "content-type": "application/json",
        prefer: "return=representation",
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  const query = (filters: Filters) => new URLSearchParams(filters).toString();
  return {
    rpc: (who, name, args) => request(who, "POST", `rpc/${name}`, args),
    insert: (who, table, row) => request(who, "POST", table, row),
    update: (who, table, filters, row) => request(who, "PATCH", `${table}?${query(filters)}`, row),
    remove: (who, table, filters) => request(who, "DELETE", `${table}?${query(filters)}`),
    close: async () => {},
  };
}

/**
 * The same statements over SQL, each in a transaction with the role and claims that PostgREST would set. Without HTTP and
 * JSON many more of them run at the same moment.
 *
 * @param pooler the URL of a pooler in transaction mode, where prepared statements cannot be used
 */
export function sqlTransport(connections: number, pooler?: string): Transport {
  const pool = postgres(pooler ?? stack.DB_URL, {
    max: connections,
    onnotice: () => {},
    idle_timeout: 5,
    prepare: pooler === undefined,
  });
  const run = async (
    who: Member | null,
    work: (sql: postgres.TransactionSql) => PromiseLike<unknown>,
  ): Promise<Answer> => {
    const claims: Claims = who ? userClaims(who) : { role: "service_role" };
    try {
      const body = await pool.begin(async (sql) => {
        await actAs(sql, claims);
        return await work(sql);
      });
      return { status: 200, body };
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      const { code } = error;
      const status = /^PT(\d{3})$/.exec(code)?.[1] ?? (/^(22|23|42|21)/.test(code) ? 400 : 500);
      return { status: Number(status), body: { code, message: error.message } };
    }
  };
  const where = (sql: postgres.TransactionSql, filters: Filters) =>
    Object.entries(filters).map(([column, filter], place) => {
      const [, operator, value = ""] = /^(eq|is|in)\.(.*)$/.exec(filter) ?? [];
      const list = operator === "in" ? value.slice(1, -1).split(",") : [value];
      return sql`${sql.unsafe(place === 0 ? "where" : "and")} ${sql(column)}::text in ${sql(list)}`;
    });
  return {
    rpc: (who, name, args) =>
      run(who, async (sql) => {
        const given = Object.entries(args).map(([argument, value], place) => {
          const json = typeof value === "object" && value !== null;
          const text = json
            ? sql`${sql.json(value as postgres.JSONValue)}`
            : sql`${value as string}`;
          return sql`${sql.unsafe(place === 0 ? "" : ",")} ${sql(argument)} => ${text}`;
        });
        const list = given.length > 0 ? given : sql``;
        const [row] = await sql`select to_jsonb(r) as r from public.${sql(name)}(${list}) as r`;
        return row?.r;
      }),
    insert: (who, table, row) =>
      run(who, (sql) => sql`insert into public.${sql(table)} ${sql(row)} returning *`),
    update: (who, table, filters, row) =>
      run(
        who,
        (sql) =>
          sql`update public.${sql(table)} set ${sql(row)} ${where(sql, filters)} returning id`,
      ),
    remove: (who, table, filters) =>
      run(who, (sql) => sql`delete from public.${sql(table)} ${where(sql, filters)} returning id`),
    close: () => pool.end(),
  };
}

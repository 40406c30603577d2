import type postgres from "postgres";
import { type Failure, isFailure } from "../../supabase/functions/_shared/http/failure.ts";
import type { RpcClient } from "../../supabase/functions/_shared/supabase/rpc.ts";
import { withConnection } from "../local/connection.ts";
import { type DatabaseChoice, databaseUrl } from "./database-choice.ts";
import { UserError } from "./user-error.ts";

/**
 * Opens a connection to the chosen database as the service role, with the rights of the edge functions, and closes it after
 * `work`.
 *
 * @throws UserError when there is neither a URL nor a running local stack
 */
export async function withServiceDatabase<T>(
  choice: DatabaseChoice,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  return withConnection(await databaseUrl(choice), work, { role: "service_role" });
}

/** Calls the database's functions over a direct connection, with the answers of the Data API. */
export function directRpc(sql: postgres.Sql): RpcClient {
  return {
    async rpc(name, args) {
      const list = Object.keys(args).map((key, index) => `${key} => $${index + 1}`);
      try {
        const [row] = await sql.unsafe(
          `select public.${name}(${list.join(", ")}) as data`,
          Object.values(args) as never[],
        );
        return { data: row?.data ?? null, error: null };
      } catch (error) {
        const { code, message, detail, hint } = error as postgres.PostgresError;
        const answer = { code, message, details: detail ?? null, hint: hint ?? null };
        return { data: null, error: answer };
      }
    },
  };
}

/**
 * The result of a call.
 *
 * @throws UserError when the call has failed
 */
export function resultOf<T>(answer: T | Failure): T {
  if (!isFailure(answer)) return answer;
  throw new UserError(
    `The call of the database failed (${answer.cause ?? answer.code}).`,
    "Check the database's address, and that its migrations are applied.",
  );
}

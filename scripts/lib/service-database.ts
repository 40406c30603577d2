import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import type { RpcClient } from "../../supabase/functions/_shared/supabase/rpc.ts";
import { defaultDataDir, resolveFromCaller } from "../local/paths.ts";
import { type Status, statusSchema } from "../local/status.ts";
import { connect } from "./database.ts";
import { UserError } from "./user-error.ts";

/** Where an operator's command works: `--remote=URL`, or else the stack that runs here, in `--dir`. */
export interface DatabaseChoice {
  remote?: string | undefined;
  dir?: string | undefined;
}

/**
 * Connects as the service role, which is all that the edge functions are.
 *
 * @throws UserError when neither a URL is given nor a stack runs here
 */
export async function connectAsService(choice: DatabaseChoice): Promise<postgres.Sql> {
  const url = choice.remote ?? (await localUrl(choice.dir));
  return connect(url, { role: "service_role" });
}

/** Calls the database's functions over a connection of one's own, as the Data API would. */
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

/** The status of the stack that runs here; null where none does. */
export async function localStatus(dir: string | undefined): Promise<Status | null> {
  const folder = dir === undefined ? defaultDataDir : resolveFromCaller(dir);
  const text = await readFile(join(folder, "status.json"), "utf8").catch(() => null);
  return text === null ? null : statusSchema.parse(JSON.parse(text));
}

async function localUrl(dir: string | undefined): Promise<string> {
  const status = await localStatus(dir);
  if (status !== null) return status.DB_URL;
  throw new UserError(
    "No stack runs here, and no --remote says which database is meant.",
    "Run npm start in another terminal, or add --remote=postgresql://...",
  );
}

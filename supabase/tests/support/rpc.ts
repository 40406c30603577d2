import type { SupabaseClient } from "@supabase/supabase-js";

/** What any function of the database answers, before it is known what that is. */
export interface RpcAnswer {
  data: unknown;
  error: { code: string; message: string; details: string; hint: string } | null;
  status: number;
}

/** Calls a function of the database that the generated types need not know. */
export async function rpc(
  client: Pick<SupabaseClient, "rpc">,
  name: string,
  args: Record<string, unknown> = {},
): Promise<RpcAnswer> {
  const { data, error, status } = await client.rpc(name, args);
  return { data, error, status };
}

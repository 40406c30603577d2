import { withConnection } from "./connection.ts";

/**
 * Registers the stand-in of a stack as a provider of language models, named `local`, under the address of this start.
 *
 * @param databaseUrl as the role postgres
 */
export async function offerLlmStandIn(databaseUrl: string, standInUrl: string): Promise<void> {
  await withConnection(databaseUrl, async (sql) => {
    // An app's own project may be at an earlier version, without the table.
    const [table] = await sql`select to_regclass('private.llm_providers') as name`;
    if (table?.name === null) return;
    await sql`
      insert into private.llm_providers (provider, name, base_url, path_prefixes, check_path)
      values ('local', 'Local stand-in (no real model)', ${standInUrl}, '{/v1/chat/completions,/v1/models}', '/v1/models')
      on conflict (provider) do update set base_url = excluded.base_url
    `;
  });
}

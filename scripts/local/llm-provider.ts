import postgres from "postgres";

/**
 * Makes the stand-in of a stack one of its providers of language models, named `local`, at the port that it has this
 * time.
 *
 * @param databaseUrl as the role postgres
 */
export async function offerLlmStandIn(databaseUrl: string, standInUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    // An app's own project may be at an earlier version, without the table.
    const [table] = await sql`select to_regclass('private.llm_providers') as name`;
    if (table?.name === null) return;
    await sql`
      insert into private.llm_providers (provider, name, base_url, path_prefixes, check_path)
      values ('local', 'Local stand-in (no real model)', ${standInUrl}, '{/v1/chat/completions,/v1/models}', '/v1/models')
      on conflict (provider) do update set base_url = excluded.base_url
    `;
  } finally {
    await sql.end();
  }
}

import postgres from "postgres";
import { invalidUrl, parseDatabaseUrl } from "./database-url.ts";

/**
 * Opens one connection, at the first query. It is encrypted unless the server is on this machine or the URL has an
 * `sslmode`.
 *
 * @throws UserError when the URL is not a Postgres URL
 */
export function connect(url: string, settings: Record<string, string> = {}): postgres.Sql {
  const { protocol, hostname, searchParams } = parseDatabaseUrl(url);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (!/^postgres(ql)?:$/.test(protocol)) {
    throw invalidUrl();
  }
  return postgres(url, {
    max: 1,
    connect_timeout: 15,
    connection: settings,
    onnotice: () => {},
    ...(searchParams.has("sslmode") ? {} : { ssl: isLocal ? false : ("require" as const) }),
  });
}

import postgres from "postgres";
import { UserError } from "./user-error.ts";

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
    throw notAUrl();
  }
  return postgres(url, {
    max: 1,
    connect_timeout: 15,
    connection: settings,
    onnotice: () => {},
    ...(searchParams.has("sslmode") ? {} : { ssl: isLocal ? false : ("require" as const) }),
  });
}

/** The database, host and port of a URL, without its password, for output. */
export function describeDatabase(url: string): string {
  const { hostname, port, pathname } = parseDatabaseUrl(url);
  return `${pathname.slice(1) || "postgres"} on ${hostname}${port === "" ? "" : `:${port}`}`;
}

/**
 * Reads the URL of a database.
 *
 * @throws UserError when it is not valid. The Supabase CLI would print it with its password
 */
export function parseDatabaseUrl(url: string): URL {
  if (!URL.canParse(url) || /%(?![0-9a-f]{2})/i.test(new URL(url).password)) {
    throw notAUrl();
  }
  return new URL(url);
}

function notAUrl(): UserError {
  return new UserError(
    "The database's URL is not valid.",
    "Write it as postgresql://postgres:PASSWORD@HOST:5432/postgres, with special characters of the password percent-encoded.",
  );
}

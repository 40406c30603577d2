import postgres from "postgres";
import { UserError } from "./user-error.ts";

/**
 * Opens one connection, which is made on first use. A server elsewhere is spoken to encrypted unless
 * the URL has an `sslmode` of its own.
 *
 * @throws UserError when the URL is not one of Postgres
 */
export function connect(url: string, settings: Record<string, string> = {}): postgres.Sql {
  const { protocol, hostname, searchParams } = parseDatabaseUrl(url);
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (!/^postgres(ql)?:$/.test(protocol)) {
    throw notAUrl();
  }
  return postgres(url, {
    max: 1,
    connect_timeout: 15,
    connection: settings,
    onnotice: () => {},
    ...(searchParams.has("sslmode") ? {} : { ssl: isHere ? false : ("require" as const) }),
  });
}

/** Where a URL points, without its password: fit to be printed. */
export function describeDatabase(url: string): string {
  const { hostname, port, pathname } = parseDatabaseUrl(url);
  return `${pathname.slice(1) || "postgres"} on ${hostname}${port === "" ? "" : `:${port}`}`;
}

/**
 * Reads the URL of a database.
 *
 * @throws UserError when it is not one; the Supabase CLI would print it whole, with its password
 */
export function parseDatabaseUrl(url: string): URL {
  if (!URL.canParse(url) || /%(?![0-9a-f]{2})/i.test(new URL(url).password)) {
    throw notAUrl();
  }
  return new URL(url);
}

function notAUrl(): UserError {
  return new UserError(
    "The database is not given as a URL.",
    "Write it as postgresql://postgres:PASSWORD@HOST:5432/postgres, with special characters of the password percent-encoded.",
  );
}

import { UserError } from "./user-error.ts";

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
    throw invalidUrl();
  }
  return new URL(url);
}

/** The error for a text that is not the URL of a database. */
export function invalidUrl(): UserError {
  return new UserError(
    "The database's URL is not valid.",
    "Write it as postgresql://postgres:PASSWORD@HOST:5432/postgres, with special characters of the password percent-encoded.",
  );
}

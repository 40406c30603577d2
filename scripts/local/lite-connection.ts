import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";

type Options = postgres.Options<Record<string, postgres.PostgresType>>;

/**
 * Makes a connection for @supabase/lite that changes no privileges and returns values in the form that they have in
 * PostgREST's answers, where Postgres itself writes the JSON.
 */
export function connectLite(url: string, options: Options): PostgresConnection {
  const connection = createPostgresConnection({
    url,
    postgresOptions: {
      onnotice: () => {},
      ...options,
      types: {
        timestamptz: textType(1184, isoTimestamp),
        timestamp: textType(1114, isoTimestamp),
        numeric: textType(1700, asNumber),
        bytea: textType(17, (value) => value),
        ...options.types,
      },
    },
  });
  // Without this mark its first request would grant everything on every table to the API roles.
  return Object.assign(connection, { rlsState: "active" });
}

/**
 * Types for a caller that passes JSON as text. Encoding such a text again would make it a JSON string. A text that is not
 * JSON is a value, and is encoded.
 */
export const jsonAsText = {
  json: jsonTextType(114),
  jsonb: jsonTextType(3802),
};

function jsonTextType(oid: number): postgres.PostgresType {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) =>
      typeof value === "string" && isJson(value) ? value : JSON.stringify(value),
    parse: (value: string) => JSON.parse(value),
  };
}

function textType(oid: number, parse: (value: string) => unknown): postgres.PostgresType {
  return { to: oid, from: [oid], serialize: (value: unknown) => String(value), parse };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Turns 2026-11-22 09:38:00.123+00 into 2026-11-22T09:38:00.123+00:00. */
function isoTimestamp(value: string): string {
  return value.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}

function asNumber(value: string): number | string {
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

/** The fields of a log line: identifiers, counts and flags. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Writes one log line. */
export type Log = (line: LogFields) => void;

/** Writes a line as JSON to standard output, where hosted Supabase collects it. */
export const logToConsole: Log = (line) => console.log(JSON.stringify(line));

/**
 * The name of an unexpected error and the top of its stack trace. The message is left out, because messages quote the
 * value that is wrong, which can be a key or a body.
 */
export function describeError(error: unknown): { error: string; at: string | null } {
  if (!(error instanceof Error)) return { error: typeof error, at: null };
  const places = (error.stack ?? "")
    .replace(error.message, "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 4)
    .map((line) => line.trim().replace(/file:\/\/\S*\/(?=[^/]+\/[^/]+$)/, ""));
  return { error: error.name, at: places.join(", ") || null };
}

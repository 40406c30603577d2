/** What may stand in a log line: identifiers, counts and flags. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Takes one line. */
export type Log = (line: LogFields) => void;

/** Writes a line as JSON to standard output, where hosted collects it. */
export const logToConsole: Log = (line) => console.log(JSON.stringify(line));

/**
 * Where an unexpected error came from: its name and the places it passed. Its message is left out,
 * because messages quote what they complain about, and that may be a key or a body.
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

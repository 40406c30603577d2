import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readArguments, usageError } from "./lib/arguments.ts";
import { inCallersWords } from "./lib/callers-words.ts";
import { UserError } from "./lib/user-error.ts";
import { loadConfig } from "./local/config.ts";
import { hasExampleApp } from "./local/example-app.ts";
import { defaultDataDir, resolveFromCaller } from "./local/paths.ts";
import type { DefaultPrivileges } from "./local/platform.ts";
import { createProgress } from "./local/progress.ts";
import { aborted, watchSignals } from "./local/signals.ts";
import { type Stack, startStack } from "./local/stack.ts";
import { removeStatus, statusTable, writeStatus } from "./local/status.ts";

/** `npm start`: runs the whole backend on this machine until Ctrl-C or SIGTERM. */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const config = await loadConfig();
  const progress = createProgress(process.stdout);
  const stopping = watchSignals();
  const started = Date.now();

  let stack: Stack;
  try {
    stack = await startStack({
      dir: options.dir,
      apiPort: options.port ?? config.api.port,
      dbPort: options.port === 0 ? 0 : config.db.port,
      ...(hasExampleApp()
        ? { appPort: options.port === 0 ? 0 : portOf(config.auth.site_url) }
        : {}),
      defaultPrivileges:
        options.defaultPrivileges ?? (config.api.auto_expose_new_tables ? "granted" : "revoked"),
      environment: callerEnvironment(),
      stripeStandIn: true,
      sweeps: true,
      onProgress: progress.step,
      signal: stopping,
    });
  } catch (error) {
    if (!stopping.aborted) throw await explained(error, options.dir);
    progress.end();
    process.stdout.write("Stopped.\n");
    return 0;
  } finally {
    progress.end();
  }
  const file = await writeStatus(options.dir, stack.status).catch(async (error: unknown) => {
    await stack.stop();
    await removeStatus(options.dir);
    throw await explained(error, options.dir);
  });
  const standIn = stack.status.STRIPE_API_BASE;
  if (standIn) {
    process.stdout.write(
      `  A stand-in for Stripe answers at ${standIn}, because STRIPE_SECRET_KEY is not set.\n\n`,
    );
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${statusTable(stack.status)}\n\n`);
  process.stdout.write(`Ready in ${seconds} s. All of this is in ${file}.\n`);
  process.stdout.write(
    inCallersWords("Press Ctrl-C to stop. The data is kept until npm run reset.\n"),
  );

  process.on("uncaughtException", ignoreDriverErrors);
  const failed = await Promise.race([aborted(stopping).then(() => null), stack.failed]);
  await removeStatus(options.dir);
  if (failed) {
    // A part that waits for the one that has ended never stops. It ends with this process.
    await Promise.race([stack.stop(), sleep(5_000)]);
    throw new UserError(
      `The stack has stopped because ${failed} ended unexpectedly.`,
      `Read the logs in ${options.dir}, then run npm start again.`,
    );
  }
  await stack.stop();
  process.stdout.write("Stopped.\n");
  return 0;
}

/**
 * Replaces an error by one about a full disk where that is its cause. The error itself may be about something else, such
 * as a failed checkpoint, so the log of Postgres is searched as well.
 */
async function explained(error: unknown, dir: string): Promise<unknown> {
  const texts = error instanceof Error ? [error.message, error.cause] : [];
  const log = await readFile(join(dir, "postgres.log"), "utf8").catch(() => "");
  const isFull = /ENOSPC|No space left on device|wrote only \d+ of/.test([...texts, log].join(" "));
  if (!isFull) return error;
  return new UserError(
    `The disk of the data folder ${dir} is full.`,
    "Nothing runs any more. Free some space, then run npm start again.",
    { cause: error },
  );
}

/**
 * Ignores an error of the database driver, which throws it in a timer when the server ends during a write. `stack.failed`
 * reports the end of the server, and the stack is stopped in order. Any other error ends the program.
 */
function ignoreDriverErrors(error: Error): void {
  if (!/node_modules[\\/]postgres[\\/]/.test(error.stack ?? "")) throw error;
}

interface Options {
  port: number | null;
  dir: string;
  defaultPrivileges: DefaultPrivileges | null;
}

function parse(args: string[]): Options {
  const { values } = readArguments("start", {
    args,
    options: {
      port: { type: "string" },
      dir: { type: "string" },
      "default-privileges": { type: "string" },
    },
  });
  const port = values.port === undefined ? null : Number(values.port);
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw usageError("start", `"${values.port}" is not a port.`);
  }
  const mode = values["default-privileges"] ?? null;
  if (mode !== null && mode !== "granted" && mode !== "revoked") {
    throw usageError("start", `"${mode}" is neither granted nor revoked.`);
  }
  const dir = values.dir === undefined ? defaultDataDir : resolveFromCaller(values.dir);
  return { port, dir, defaultPrivileges: mode };
}

/** The port of the page to which Auth sends a browser, which is the example app's. */
function portOf(siteUrl: string): number {
  return Number(URL.canParse(siteUrl) ? new URL(siteUrl).port : 0);
}

/** The terminal's variables for the edge functions, without those of npm, Node, Deno and Supabase. */
function callerEnvironment(): Record<string, string> {
  const excluded = /^(npm_|NODE|DENO_|SUPABASE_|INIT_CWD$)/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || excluded.test(name) ? [] : [[name, value] as const],
    ),
  );
}

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UserError } from "../lib/user-error.ts";
import { projectDir } from "./paths.ts";
import { endWithUs } from "./processes.ts";

/** What a finished run of the CLI said. */
export interface CliResult {
  stdout: string;
  stderr: string;
  /** The exit code; null when a signal ended it. */
  code: number | null;
}

/** How to run it. */
export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Lets it write to our terminal; the result then carries no output. */
  inherit?: boolean;
}

/**
 * Runs the real Supabase CLI by its package's own path. It asks nothing, sends no telemetry and looks for
 * no newer version of itself. A failing run is a result, not an error.
 *
 * @throws UserError when the CLI is not installed
 */
export async function supabase(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [cliPath(), ...args], {
    cwd: options.cwd ?? projectDir,
    stdio: options.inherit ? "inherit" : ["ignore", "pipe", "pipe"],
    // Its own process group: Ctrl-C at the terminal must not cut a migration in half.
    detached: !options.inherit,
    env: {
      ...process.env,
      DO_NOT_TRACK: "1",
      SUPABASE_TELEMETRY_DISABLED: "1",
      SUPABASE_NO_UPDATE_NOTIFIER: "1",
      NO_COLOR: "1",
      ...options.env,
    },
  });
  endWithUs(child, "SIGTERM");
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { stdout: await stdout, stderr: await stderr, code };
}

function cliPath(): string {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve("supabase/package.json")), "dist", "supabase.js");
  } catch (cause) {
    throw new UserError("The Supabase CLI is not installed.", "Run npm ci and try again.", {
      cause,
    });
  }
}

async function collect(stream: AsyncIterable<Buffer> | null): Promise<string> {
  const chunks: Buffer[] = [];
  if (!stream) return "";
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

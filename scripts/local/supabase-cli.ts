import { type ChildOptions, type ChildResult, packageFile, runNodeProgram } from "../lib/child.ts";
import { UserError } from "../lib/user-error.ts";
import { projectDir } from "./paths.ts";

/**
 * Runs the real Supabase CLI by the path of its package, without telemetry and without a check for a newer version. A
 * failing run is a result, not an error.
 *
 * @throws UserError when the CLI is not installed
 */
export function supabase(args: string[], options: ChildOptions = {}): Promise<ChildResult> {
  return runNodeProgram(cliPath(), args, {
    cwd: projectDir,
    ...options,
    env: {
      DO_NOT_TRACK: "1",
      SUPABASE_TELEMETRY_DISABLED: "1",
      SUPABASE_NO_UPDATE_NOTIFIER: "1",
      ...options.env,
    },
  });
}

function cliPath(): string {
  try {
    return packageFile("supabase", "dist/supabase.js");
  } catch (cause) {
    throw new UserError("The Supabase CLI is not installed.", "Run npm ci and try again.", {
      cause,
    });
  }
}

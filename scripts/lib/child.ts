import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { gone } from "../local/processes.ts";

/** The result of a finished program. */
export interface ChildResult {
  /** Standard output and standard error, in the order in which they came. */
  output: string;
  stdout: string;
  stderr: string;
  /** The exit code, or null if a signal ended the program. */
  code: number | null;
}

/** How to run a program. */
export interface ChildOptions {
  /** Its working folder; without it, ours. */
  cwd?: string | undefined;
  env?: Record<string, string>;
  input?: string;
  /** Lets it use our terminal, with Ctrl-C. The result then has no output. */
  inherit?: boolean;
  /** Receives each line of standard output as it comes. */
  onLine?(line: string): void;
  /** Ends the program, and the programs that it started. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end. A non-zero exit code is a result, not an error. The program runs in its own process group:
 * Ctrl-C at the terminal does not reach it, which would interrupt a migration half-way, and `signal` ends it together with
 * the programs that it started.
 */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  const hasGroup = process.platform !== "win32" && !options.inherit;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      stdio: options.inherit ? "inherit" : ["pipe", "pipe", "pipe"],
      detached: hasGroup,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...options.env },
    });
    const chunks: { from: "stdout" | "stderr"; chunk: Buffer }[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push({ from: "stdout", chunk }));
    child.stderr?.on("data", (chunk: Buffer) => chunks.push({ from: "stderr", chunk }));
    if (options.onLine && child.stdout) {
      createInterface({ input: child.stdout }).on("line", options.onLine);
    }
    // A program may end without reading all of its input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");

    const target = child.pid === undefined ? undefined : hasGroup ? -child.pid : child.pid;
    const terminate = () => signalTo(target, "SIGTERM");
    options.signal?.addEventListener("abort", terminate, { once: true });
    process.once("exit", terminate);
    if (options.signal?.aborted) terminate();
    child.once("error", reject);
    child.once("close", (code) => {
      const text = (wanted: typeof chunks) =>
        Buffer.concat(wanted.map(({ chunk }) => chunk)).toString("utf8");
      const result = {
        output: text(chunks),
        stdout: text(chunks.filter(({ from }) => from === "stdout")),
        stderr: text(chunks.filter(({ from }) => from === "stderr")),
        code,
      };
      options.signal?.removeEventListener("abort", terminate);
      process.off("exit", terminate);
      if (options.signal?.aborted && hasGroup) {
        // The programs that it started may still be running.
        groupEnded(target).then(() => resolve(result), reject);
      } else {
        resolve(result);
      }
    });
  });
}

/** Runs a program of an npm package under this Node, by the path of its file. */
export function runNodeProgram(
  file: string,
  args: readonly string[],
  options?: ChildOptions,
): Promise<ChildResult> {
  return runChild(process.execPath, [file, ...args], options);
}

/** The path of a file of an installed npm package. */
export function packageFile(name: string, path: string): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}

async function groupEnded(target: number | undefined): Promise<void> {
  if (target !== undefined && !(await gone(target, 15_000))) signalTo(target, "SIGKILL");
}

/** Signals a process or, by a negative id, its group. */
function signalTo(target: number | undefined, signal: NodeJS.Signals): void {
  if (target === undefined) return;
  try {
    process.kill(target, signal);
  } catch {
    // It has ended.
  }
}

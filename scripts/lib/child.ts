import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** What a finished program said. */
export interface ChildResult {
  /** Standard output and standard error, in the order they came. */
  output: string;
  /** Standard output alone. */
  stdout: string;
  /** Standard error alone. */
  stderr: string;
  /** The exit code; null when a signal ended it. */
  code: number | null;
}

/** How to run it. */
export interface ChildOptions {
  /** The folder it runs in; ours by default. */
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  /** Lets it use our terminal, whose Ctrl-C it then hears as we do; the result carries no output. */
  inherit?: boolean;
  /** Told each line of standard output as it comes. */
  onLine?(line: string): void;
  /** Ends the program, and what it started, early. */
  signal?: AbortSignal;
}

/**
 * Runs a program to its end. A failing run is a result, not an error. It has a process group of its own, so that
 * Ctrl-C at the terminal does not cut a migration in half, and an interrupted run ends the program together with
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
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
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
    // A program that does not read its input to the end is no failure of ours.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");

    const target = child.pid === undefined ? undefined : hasGroup ? -child.pid : child.pid;
    const end = () => signalTo(target, "SIGTERM");
    options.signal?.addEventListener("abort", end, { once: true });
    process.once("exit", end);
    if (options.signal?.aborted) {
      end();
    }
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
      options.signal?.removeEventListener("abort", end);
      process.off("exit", end);
      if (options.signal?.aborted && hasGroup) {
        // What the program started may still be ending.
        ended(target).then(() => resolve(result), reject);
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

async function ended(target: number | undefined): Promise<void> {
  const end = Date.now() + 15_000;
  while (signalTo(target, 0)) {
    if (Date.now() > end) {
      signalTo(target, "SIGKILL");
      return;
    }
    await sleep(50);
  }
}

/** Signals a process, or by a negative id its group. False when nobody is left to be told. */
function signalTo(target: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (target === undefined) {
    return false;
  }
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}

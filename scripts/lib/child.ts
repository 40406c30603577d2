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
  /** The exit code; null when a signal ended it. */
  code: number | null;
}

/** How to run it. */
export interface ChildOptions {
  /** The folder it runs in; ours by default. */
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  /** Told each line of standard output as it comes. */
  onLine?(line: string): void;
  /** Ends the program, and what it started, early. */
  signal?: AbortSignal;
}

/**
 * Runs a program to its end. A failing run is a result, not an error. It has a process group of its
 * own, so that an interrupted run ends the program together with the programs that it started.
 */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ["pipe", "pipe", "pipe"],
      detached: hasGroups,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...options.env },
    });
    const chunks: { from: "stdout" | "stderr"; chunk: Buffer }[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push({ from: "stdout", chunk }));
    child.stderr.on("data", (chunk: Buffer) => chunks.push({ from: "stderr", chunk }));
    if (options.onLine) {
      createInterface({ input: child.stdout }).on("line", options.onLine);
    }
    // A program that does not read its input to the end is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");

    const end = () => killGroup(child.pid);
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
        code,
      };
      options.signal?.removeEventListener("abort", end);
      process.off("exit", end);
      if (options.signal?.aborted) {
        // What the program started may still be ending.
        groupEnded(child.pid).then(() => resolve(result), reject);
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

const hasGroups = process.platform !== "win32";

function killGroup(pid: number | undefined): void {
  signalGroup(pid, "SIGTERM");
}

async function groupEnded(pid: number | undefined): Promise<void> {
  const end = Date.now() + 15_000;
  while (hasGroups && signalGroup(pid, 0)) {
    if (Date.now() > end) {
      signalGroup(pid, "SIGKILL");
      return;
    }
    await sleep(50);
  }
}

/** False when nobody is left to be told. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) {
    return false;
  }
  try {
    return process.kill(hasGroups ? -pid : pid, signal);
  } catch {
    return false;
  }
}

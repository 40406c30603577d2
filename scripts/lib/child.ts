import { spawn } from "node:child_process";

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
  env?: Record<string, string>;
  input?: string;
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
      stdio: ["pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...options.env },
    });
    const chunks: { from: "stdout" | "stderr"; chunk: Buffer }[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push({ from: "stdout", chunk }));
    child.stderr.on("data", (chunk: Buffer) => chunks.push({ from: "stderr", chunk }));
    // A program that does not read its input to the end is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");

    const end = () => killGroup(child.pid);
    options.signal?.addEventListener("abort", end, { once: true });
    if (options.signal?.aborted) {
      end();
    }
    child.once("error", reject);
    child.once("close", (code) => {
      options.signal?.removeEventListener("abort", end);
      const text = (wanted: typeof chunks) =>
        Buffer.concat(wanted.map(({ chunk }) => chunk)).toString("utf8");
      resolve({
        output: text(chunks),
        stdout: text(chunks.filter(({ from }) => from === "stdout")),
        code,
      });
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

function killGroup(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGTERM");
  } catch {
    // It has ended meanwhile.
  }
}

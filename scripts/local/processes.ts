import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A child process that ends with this one at the latest. */
export interface Supervised {
  /** Settles with the exit code when the child ends, however it ends; null when a signal ended it. */
  ended: Promise<number | null>;
  /**
   * Stops the child, and returns when it has ended.
   *
   * @param request asks the child to end
   * @param patience milliseconds after which it is killed
   */
  stop(request: () => void, patience: number): Promise<void>;
}

const supervised = new Map<ChildProcess, NodeJS.Signals>();

/**
 * Supervises a child. Each child is in another process group, so that nothing else would end it with this process.
 *
 * @param signal kills the child when this process exits, or when it does not end on request
 */
export function supervise(child: ChildProcess, signal: NodeJS.Signals): Supervised {
  if (supervised.size === 0) process.once("exit", killAll);
  supervised.set(child, signal);
  let isRunning = true;
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null) => {
      isRunning = false;
      supervised.delete(child);
      if (supervised.size === 0) process.removeListener("exit", killAll);
      resolve(code);
    };
    child.once("exit", end);
    child.once("error", () => end(null));
  });
  const stop = async (request: () => void, patience: number) => {
    if (!isRunning) return;
    request();
    const late = sleep(patience, "late" as const, { ref: false });
    if ((await Promise.race([ended, late])) === "late") child.kill(signal);
    await ended;
  };
  return { ended, stop };
}

function killAll(): void {
  for (const [child, signal] of supervised) child.kill(signal);
}

/** Whether a process of this id runs. A process that has ended, and whose parent has not noticed yet, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    return true;
  }
}

/**
 * When the process started, in the form that this system uses, or null. An id alone does not identify a process,
 * because ids are used again.
 */
export async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets and may hold spaces. The start is field 22.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return ps(pid, "lstart=");
  }
}

/** The command line of a process, or null. */
export async function commandLineOf(pid: number): Promise<string | null> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
  } catch {
    return ps(pid, "command=");
  }
}

async function ps(pid: number, column: string): Promise<string | null> {
  try {
    const { stdout } = await run("ps", ["-p", String(pid), "-o", column]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}

/** Waits until the process is gone. Returns false when it still runs after so many milliseconds. */
export async function gone(pid: number, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > end) return false;
    await sleep(25);
  }
  return true;
}

import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const tracked = new Map<ChildProcess, NodeJS.Signals>();

/**
 * Ends the child with `signal` when this process exits, by whatever path, before the child does. Children
 * are in process groups of their own, so nothing else would.
 */
export function endWithUs(child: ChildProcess, signal: NodeJS.Signals): void {
  if (tracked.size === 0) process.once("exit", endAll);
  tracked.set(child, signal);
  child.once("exit", () => {
    tracked.delete(child);
    if (tracked.size === 0) process.removeListener("exit", endAll);
  });
}

function endAll(): void {
  for (const [child, signal] of tracked) child.kill(signal);
}

/** Whether a process with this id runs; one that ended and waits for its parent to notice does not. */
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
 * When the process started, in whatever form this system tells it, or null. Process ids are used
 * again, so an id names a process only together with its start.
 */
export async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets and may hold spaces; the start is field 22.
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

/** Waits until the process is gone; false when it is still there after so many milliseconds. */
export async function gone(pid: number, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > end) return false;
    await sleep(25);
  }
  return true;
}

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectDir } from "../../../scripts/local/paths.ts";
import { commandLineOf } from "../../../scripts/local/processes.ts";
import { type Status, statusSchema } from "../../../scripts/local/status.ts";

/** A command that was started and may still run. */
export interface RunningCommand {
  pid: number;
  /** What it has written to both streams so far. */
  output(): string;
  /** Settles with the exit code, or null if a signal ended it. */
  exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

/** How to start a command. */
export interface CommandOptions {
  /** The checkout to run it in; this one by default. */
  root?: string;
  /** Arguments to Node itself. */
  node?: string[];
}

/** Starts `node scripts/run.cjs ...`. */
export function startCommand(args: string[], options: CommandOptions = {}): RunningCommand {
  const all = [...(options.node ?? []), "scripts/run.cjs", ...args];
  return startProgram(process.execPath, all, options.root);
}

/** Starts any program in the checkout. */
export function startProgram(
  program: string,
  args: string[],
  root: string = projectDir,
): RunningCommand {
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  return {
    pid: child.pid ?? -1,
    output: () => text,
    exited: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }),
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs a command to its end. */
export async function runCommand(
  args: string[],
  options: CommandOptions = {},
): Promise<{ code: number | null; output: string }> {
  const command = startCommand(args, options);
  return { code: await command.exited, output: command.output() };
}

/** Waits until `npm start` is ready; gives the status that it has written. */
export async function ready(command: RunningCommand, dir: string): Promise<Status> {
  let ended = false;
  void command.exited.then(() => {
    ended = true;
  });
  while (!command.output().includes("Ready in")) {
    if (ended) throw new Error(`The command ended before it was ready:\n${command.output()}`);
    await sleep(50);
  }
  return statusSchema.parse(JSON.parse(await readFile(join(dir, "status.json"), "utf8")));
}

/** A temporary folder, and how to delete it. */
export interface ScratchFolder {
  path: string;
  remove(): Promise<void>;
}

/** Creates a temporary folder. */
export async function scratchFolder(): Promise<ScratchFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "pinebase-command-")));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Copies the checkout to a folder where a test may change it. Packages are linked, except those in `without`. */
export async function copyCheckout(to: string, without: string[] = []): Promise<string> {
  for (const part of ["scripts", "supabase", "types", "examples", "package.json"]) {
    await cp(join(projectDir, part), join(to, part), { recursive: true });
  }
  const installed = join(projectDir, "node_modules");
  await mkdir(join(to, "node_modules"));
  for (const name of await readdir(installed)) {
    if (without.includes(name)) continue;
    await symlink(join(installed, name), join(to, "node_modules", name));
  }
  return to;
}

/** The running processes whose command line contains the path. */
export async function processesNaming(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await processIds()) {
    const line = await commandLineOf(pid);
    if (pid !== process.pid && line?.includes(path)) found.push(`${pid} ${line}`);
  }
  return found;
}

async function processIds(): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  if (names.length > 0) return names.map(Number).filter((pid) => pid > 0);
  const ps = startProgram("ps", ["-axo", "pid="]);
  await ps.exited;
  return ps
    .output()
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Stops the database and deletes the status when this process is killed and cannot do so itself. A small second process
 * reads from a pipe of this one, which the system closes in whatever way this process ends.
 *
 * @param dir the folder of the stack, whose server is ready
 * @returns ends the second process, for a stack that is stopped in order
 */
export async function watchOver(dir: string): Promise<() => void> {
  const pidFile = join(dir, "postgres", "postmaster.pid");
  const [server = ""] = (await readFile(pidFile, "utf8")).split("\n");
  const task = {
    server: Number(server),
    pidFile,
    parent: process.pid,
    lock: join(dir, "lock.json"),
    status: join(dir, "status.json"),
  };
  const child = spawn(process.execPath, ["-e", program, JSON.stringify(task)], {
    // In another process group, which Ctrl-C does not reach: the stack ends it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    windowsHide: true,
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  return () => void child.kill("SIGKILL");
}

/**
 * The second process, in plain JavaScript. It stops only the server of this stack and deletes only the status of this
 * stack, because another stack may have started on the folder meanwhile.
 */
const program = `
const fs = require("node:fs");
const { server, pidFile, parent, lock, status } = JSON.parse(process.argv[1]);
const read = (file) => { try { return fs.readFileSync(file, "utf8"); } catch { return ""; } };
const runs = () => Number(read(pidFile).split("\\n")[0]) === server;
const signal = (name) => { try { if (runs()) process.kill(server, name); } catch {} };
process.stdin.resume();
process.stdin.on("end", () => {
  try {
    if (JSON.parse(read(lock)).pid === parent) fs.rmSync(status, { force: true });
  } catch {}
  signal("SIGINT");
  const started = Date.now();
  setInterval(() => {
    if (!runs()) process.exit(0);
    if (Date.now() - started > 10000) { signal("SIGQUIT"); process.exit(0); }
  }, 100);
});
`;

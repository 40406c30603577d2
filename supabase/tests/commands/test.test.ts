import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder, startCommand } from "../support/commands.ts";
import { isAlive } from "../support/programs.ts";

let folder: ScratchFolder;
let temporary: string;
let before: string | undefined;

beforeAll(async () => {
  folder = await scratchFolder();
  temporary = join(folder.path, "tmp");
  await mkdir(temporary);
  before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
});

afterAll(async () => {
  if (before === undefined) {
    delete process.env.TMPDIR;
  } else {
    process.env.TMPDIR = before;
  }
  await folder?.remove();
});

const leftBehind = () => readdir(temporary);

describe("npm test", () => {
  it("reports a filter that matches no test", async () => {
    const run = startCommand(["test", "no-such-test"]);
    expect(await run.exited).toBe(1);
    expect(run.output()).toContain('No test has "no-such-test" in its path.');
    expect(await leftBehind()).toEqual([]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "deletes its files and stops its server after %s",
    async (signal) => {
      const run = startCommand(["test", "plans/plans"]);
      const server = await serverOf();
      run.kill(signal);
      expect(await run.exited).toBe(130);
      expect(isAlive(server)).toBe(false);
      expect(await leftBehind()).toEqual([]);
    },
  );
});

/** Waits for the server of the run; gives its process id. */
async function serverOf(): Promise<number> {
  for (;;) {
    const files = await readdir(temporary, { recursive: true }).catch(() => []);
    const file = files.find((path) => path.endsWith("postmaster.pid"));
    const text = file && (await readFile(join(temporary, file), "utf8").catch(() => ""));
    const pid = Number(text?.split("\n")[0]);
    if (pid > 0) {
      return pid;
    }
    await sleep(20);
  }
}

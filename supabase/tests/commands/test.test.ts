import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCommand } from "../support/commands.ts";
import { isAlive } from "../support/programs.ts";

let directory: string;
let before: string | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "pinebase-run-"));
  await mkdir(join(directory, "tmp"));
  before = process.env.TMPDIR;
  process.env.TMPDIR = join(directory, "tmp");
});

afterAll(async () => {
  if (before === undefined) {
    delete process.env.TMPDIR;
  } else {
    process.env.TMPDIR = before;
  }
  await rm(directory, { recursive: true, force: true });
});

const leftBehind = () => readdir(join(directory, "tmp"));

describe("npm test", () => {
  it("says so when its filter leaves no test", async () => {
    const run = startCommand(["test", "no-such-test"]);
    expect(await run.exited).toBe(1);
    expect(run.output()).toContain('No test has "no-such-test" in its path.');
    expect(await leftBehind()).toEqual([]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("leaves nothing behind after %s", async (signal) => {
    const run = startCommand(["test", "plans/plans"]);
    const server = await serverOf();
    run.kill(signal);
    expect(await run.exited).toBe(130);
    expect(isAlive(server)).toBe(false);
    expect(await leftBehind()).toEqual([]);
  });
});

/** The process id of the server that the run has started. */
async function serverOf(): Promise<number> {
  for (;;) {
    const files = await readdir(join(directory, "tmp"), { recursive: true }).catch(() => []);
    const file = files.find((path) => path.endsWith("postmaster.pid"));
    const text = file && (await readFile(join(directory, "tmp", file), "utf8").catch(() => ""));
    const pid = Number(text?.split("\n")[0]);
    if (pid > 0) {
      return pid;
    }
    await sleep(20);
  }
}

import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runCommand, scratchFolder } from "../support/commands.ts";
import { openLog } from "../support/local-stack.ts";
import { passwordsOf, withoutPasswords } from "../support/programs.ts";

/** The output of commands ends up in the logs of continuous integration. */

describe("the password of --remote", () => {
  // Nothing listens on port 1.
  const remote = "postgresql://postgres:hunt%23er%202@127.0.0.1:1/x";

  it.each([
    ["rollback", [`--remote=${remote}`, "--yes"]],
    ["sweep", [`--remote=${remote}`]],
    ["billing-reconcile", ["--since", "1d", `--remote=${remote}`]],
    ["db-push", [remote]],
    ["db-push", ["--remote=postgresql://postgres:hunt%zzer@127.0.0.1:1/x"]],
    ["db-push", ["--remote", "postgresql://postgres:hunt er@127.0.0.1:port/x"]],
  ])("is not in the output of a failing command: %s %j", async (command, args) => {
    const { code, output } = await runCommand([command, ...args]);
    expect(code).toBe(1);
    expect(output).not.toBe("");
    expect(output).not.toContain("hunt");
  });

  it.each([
    ["postgresql://postgres:pa%40ss@host:5432/x", "pa%40ss and pa@ss"],
    ["--remote=postgresql://postgres:p@ss@host:5432/x", "p@ss"],
    ["postgresql://host/x?user=postgres&password=p%26ss", "p%26ss and p&ss"],
  ])("is hidden in its encoded and its decoded form: %s", (argument, text) => {
    expect(withoutPasswords(text, passwordsOf([argument]))).toBe(text.replace(/\S*p\S*ss/g, "***"));
  });

  it("is not hidden where it equals the user's name, and no other argument is", () => {
    expect(passwordsOf(["postgresql://postgres:postgres@127.0.0.1/x", "--yes"])).toEqual([]);
  });
});

describe("a log of the stack", () => {
  it("keeps the order of its lines, and drops lines that cannot be written", async () => {
    const folder = await scratchFolder();
    try {
      const file = join(folder.path, "api.log");
      // Writing to a folder fails, as on a full disk.
      await mkdir(file);
      const log = openLog(file);
      log("lost\n");
      await sleep(100);
      await rm(file, { recursive: true });
      for (let line = 0; line < 50; line++) log(`${line}\n`);
      await expect
        .poll(async () => (await readFile(file, "utf8")).trim().split("\n"))
        .toEqual(Array.from({ length: 50 }, (_, line) => String(line)));
    } finally {
      await folder.remove();
    }
  });
});

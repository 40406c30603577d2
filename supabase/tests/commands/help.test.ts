import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommand } from "../support/commands.ts";
import { helpOf, projectDir, runChild } from "../support/programs.ts";

describe("--help", () => {
  it("exists for every command", async () => {
    const scripts = (await readdir(join(projectDir, "scripts"))).filter((file) =>
      file.endsWith(".ts"),
    );
    const main = await readFile(join(projectDir, "scripts/package/main.ts"), "utf8");
    const own = [...main.matchAll(/^ {2}(\w+): \{$/gm)].map(([, name = ""]) => name);
    expect(own).toContain("add");
    for (const name of [...scripts.map((file) => file.slice(0, -3)), ...own]) {
      expect(helpOf(name), name).toMatch(/^.+\.\n\nUsage: (npm|npx) /);
    }
  });

  it("is printed without running the command", async () => {
    for (const command of ["start", "reset", "rollback", "test"]) {
      const { code, output } = await runCommand([command, "--help"]);
      expect([command, code, output]).toEqual([command, 0, `${helpOf(command)}\n`]);
    }
  });
});

it.skipIf(process.platform === "win32")(
  "a command goes on when nobody reads its output any more",
  async () => {
    const start = "async () => { process.stdout.write(`1`); await setTimeout(50); return 0; }";
    const program = `const { setTimeout } = require("node:timers/promises"); require("./scripts/launch.cjs").launch(${start});`;
    const command = `(sleep 0.2; node -e '${program}'; echo code $? >&2) | true`;
    expect((await runChild("sh", ["-c", command])).stderr).toBe("code 0\n");
  },
);

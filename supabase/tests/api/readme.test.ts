import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { projectDir } from "../support/programs.ts";

/** The README's example, run as a reader would run it: in a file of the project. */

const file = join(projectDir, `.readme-example-${process.pid}.mjs`);
let example: string;

beforeAll(async () => {
  const readme = await readFile(join(projectDir, "README.md"), "utf8");
  example = /```js example\n([\s\S]+?)```/.exec(readme)?.[1] ?? "";
  await writeFile(file, example);
});

afterAll(() => rm(file, { force: true }));

it("the README's example runs, and prints the strategy that it has inserted", async () => {
  const env = { ...process.env, STATUS: process.env.PINEBASE_STATUS };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, cwd: projectDir });
  expect(stdout).toBe("[ { name: 'Golden cross', config: { risk: 0.01 } } ]\n");
});

it("the README's example has at most eleven lines", () => {
  expect(example.trim().split("\n").filter(Boolean).length).toBeLessThanOrEqual(11);
});

it("every npm command that the README names is a script of package.json", async () => {
  const readme = await readFile(join(projectDir, "README.md"), "utf8");
  const { scripts } = JSON.parse(await readFile(join(projectDir, "package.json"), "utf8"));
  const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name);
  expect(named).not.toEqual([]);
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});

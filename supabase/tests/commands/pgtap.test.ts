import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import {
  installPgtap,
  runPgtapFile,
  type ScratchPlatform,
  startScratchPlatform,
} from "../support/database.ts";

let platform: ScratchPlatform;
let url: string;
let folder: ScratchFolder;

beforeAll(async () => {
  folder = await scratchFolder();
  await installPgtap();
  platform = await startScratchPlatform();
  url = await platform.createDatabase("subject", "revoked");
});

afterAll(async () => {
  await platform?.stop();
  await folder?.remove();
});

/** Runs a file with these tests between the lines that every file has. */
async function runTests(tests: string) {
  const file = join(folder.path, "subject.test.sql");
  await writeFile(
    file,
    `begin;
create extension if not exists pgtap with schema extensions;
${tests}
rollback;
`,
  );
  const { passed, failures } = await runPgtapFile(url, file);
  expect(failures.every((failure) => failure.file === file)).toBe(true);
  return { passed, failed: failures.map(({ name, details }) => [name, ...details].join("\n")) };
}

describe("the pgTAP runner", () => {
  it("counts every assertion that holds", async () => {
    const tests =
      "select plan(2); select ok(true, 'one'); select is(1, 1, 'two'); select * from finish();";
    expect(await runTests(tests)).toEqual({ passed: 2, failed: [] });
  });

  it("takes a file without a plan when it finishes", async () => {
    const tests = "select no_plan(); select ok(true, 'one'); select * from finish();";
    expect(await runTests(tests)).toEqual({ passed: 1, failed: [] });
  });

  it("names an assertion that does not hold, with the actual and the expected value", async () => {
    const tests =
      "select plan(2); select is(1, 2, 'one'); select ok(true, 'two'); select * from finish();";
    const { passed, failed } = await runTests(tests);
    expect(passed).toBe(1);
    expect(failed).toEqual([expect.stringMatching(/1 one\n.*have: 1\n.*want: 2/)]);
  });

  it("reports a statement that fails, with the test before it", async () => {
    const tests = "select plan(2); select ok(true, 'one');\nselect 1 / 0;\nselect * from finish();";
    const { passed, failed } = await runTests(tests);
    expect(passed).toBe(1);
    expect(failed).toEqual([
      expect.stringMatching(/division by zero \[22012\] \(after test 1 one\)/),
    ]);
  });

  it("reports the line of a statement that Postgres cannot parse", async () => {
    const { failed } = await runTests("select plan(1);\n\nselect nothing();");
    expect(failed).toEqual([expect.stringMatching(/^line 5: function nothing\(\) does not exist/)]);
  });

  it.each([
    [
      "runs fewer tests than it planned",
      "select plan(2); select ok(true, 'one'); select * from finish();",
    ],
    [
      "runs more tests than it planned",
      "select plan(1); select ok(true, 'one'); select ok(true, 'two'); select * from finish();",
    ],
    ["never finishes", "select no_plan(); select ok(true, 'one');"],
    ["has no test", "select 1;"],
  ])("fails a file that %s", async (_, tests) => {
    expect((await runTests(tests)).failed).toHaveLength(1);
  });

  it("rolls back what a file has done", async () => {
    await runTests(
      "select plan(1); create table public.left_over (); select ok(true, 'one'); select * from finish();",
    );
    const tests =
      "select plan(1); select hasnt_table('public', 'left_over', 'gone'); select * from finish();";
    expect(await runTests(tests)).toEqual({ passed: 1, failed: [] });
  });

  it("runs as the role postgres with hosted's search path", async () => {
    const tests = `select plan(2);
      select is(session_user::text, 'postgres', 'role');
      select is(current_setting('search_path'), '"$user", public, extensions', 'path');
      select * from finish();`;
    expect(await runTests(tests)).toEqual({ passed: 2, failed: [] });
  });
});

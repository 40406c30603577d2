import { execFile } from "node:child_process";
import { cp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import { type ScratchPlatform, startScratchPlatform, withConnection } from "../support/database.ts";
import { appliedVersions, listMigrations } from "../support/migrations.ts";

let platform: ScratchPlatform;
let url: string;
let folder: ScratchFolder;
let checkout: string;

beforeAll(async () => {
  platform = await startScratchPlatform();
  url = await platform.createDatabase("subject", "granted");
  // A copy of the checkout, to which tests add invalid migrations.
  folder = await scratchFolder();
  checkout = folder.path;
  for (const path of ["package.json", ".squawk.toml", "scripts", "supabase", "types"]) {
    await cp(path, join(checkout, path), { recursive: true });
  }
  await symlink(join(process.cwd(), "node_modules"), join(checkout, "node_modules"));
});

afterAll(async () => {
  await platform?.stop();
  await folder?.remove();
});

const push = (...args: string[]) =>
  promisify(execFile)(process.execPath, [join(checkout, "scripts", "run.cjs"), "db-push", ...args]);

const versions = () => withConnection(url, appliedVersions);

describe("npm run db:push", () => {
  it("with --dry-run only prints what it would push", async () => {
    const { stdout, stderr } = await push("--remote", url, "--dry-run");
    const [first] = await listMigrations();
    expect(stdout + stderr).toContain(first?.file);
    expect(await versions()).toEqual([]);
  });

  it("pushes every migration", async () => {
    await push("--remote", url, "--yes");
    expect(await versions()).toEqual((await listMigrations()).map(({ version }) => version));
  });

  it.each([
    [
      "without a rollback",
      "alter table public.plans add column x text;",
      undefined,
      "has no rollback",
    ],
    [
      "that cannot run in a transaction",
      "create index concurrently i on public.plans (name);",
      "select 1;",
      ":1: the statement cannot run",
    ],
    ["that holds a secret", "select 'sk_live_0123456789';", "select 1;", "looks like a secret"],
    [
      "that Squawk refuses",
      "alter table public.plans add column x char(3);",
      "select 1;",
      "ban-char-field",
    ],
  ])("pushes nothing if there is a migration %s", async (_, up, down, complaint) => {
    const before = await versions();
    const file = "20990101000000_spoilt.sql";
    const written = [["migrations", up] as const, ["rollbacks", down] as const];
    for (const [folder, text] of written) {
      if (text !== undefined) {
        await writeFile(join(checkout, "supabase", folder, file), `${text}\n`);
      }
    }
    const failed = await push("--remote", url, "--yes").catch((error: unknown) => error);
    for (const [folder] of written) {
      await rm(join(checkout, "supabase", folder, file), { force: true });
    }
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining(complaint) });
    expect(await versions()).toEqual(before);
  });

  it("names the argument that is missing", async () => {
    const failed = await push().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("--remote") });
  });
});

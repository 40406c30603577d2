import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scratchFolder } from "../support/commands.ts";
import {
  type connect,
  pushMigrations,
  type ScratchPlatform,
  startScratchPlatform,
  withConnection,
} from "../support/database.ts";
import { appliedVersions, listMigrations, planRollback, rollBack } from "../support/migrations.ts";

let platform: ScratchPlatform;
let url: string;

beforeAll(async () => {
  platform = await startScratchPlatform();
});

afterAll(() => platform?.stop());

describe("rolling back", () => {
  let checkout: string;
  let directory: string;
  let pushed: string;

  beforeAll(async () => {
    const folder = await scratchFolder();
    checkout = folder.path;
    directory = join(checkout, "supabase");
    await mkdir(join(directory, "migrations"), { recursive: true });
    await mkdir(join(directory, "rollbacks"));
    await add("20260101000000_one", "create table public.one ();", "drop table public.one;");
    await add("20260102000000_two", "create table public.two ();", "drop table public.two;");
    pushed = await platform.createDatabase("pushed", "revoked");
    await pushMigrations(pushed, checkout);
    return folder.remove;
  });

  // Each test gets a copy of the pushed database, which is faster than a push.
  beforeEach(async () => {
    url = pushed.replace("/pushed?", "/subject?");
    await writeDown("20260101000000_one", "drop table public.one;");
    await writeDown("20260102000000_two", "drop table public.two;");
    await platform.asAdmin("template1", async (sql) => {
      await sql`drop database if exists subject with (force)`;
      await sql`create database subject template pushed owner postgres`;
    });
  });

  const add = async (name: string, up: string, down: string) => {
    await writeFile(join(directory, "migrations", `${name}.sql`), up);
    await writeFile(join(directory, "rollbacks", `${name}.sql`), down);
  };
  const writeDown = (name: string, down: string) =>
    writeFile(join(directory, "rollbacks", `${name}.sql`), down);

  const rollBackLast = (last: number, expected?: string[]) =>
    using(async (sql) => {
      const applied = await appliedVersions(sql);
      const steps = planRollback(applied, await listMigrations(directory), { last });
      await rollBack(sql, steps, expected ?? applied);
    });

  it("drops what the newest migration created, and removes it from the history", async () => {
    await rollBackLast(1);
    expect(await tables()).toEqual(["one"]);
    expect(await versions()).toEqual(["20260101000000"]);
  });

  it("lets the migration be pushed again", async () => {
    await rollBackLast(2);
    expect(await tables()).toEqual([]);
    await pushMigrations(url, checkout);
    expect(await tables()).toEqual(["one", "two"]);
    expect(await versions()).toEqual(["20260101000000", "20260102000000"]);
  });

  it("changes nothing if one rollback fails, and names its file and line", async () => {
    await writeDown("20260101000000_one", "drop table public.one;\ndrop table public.missing;");
    await expect(rollBackLast(2)).rejects.toThrow(/20260101000000_one\.sql.* failed: .*missing/);
    expect(await tables()).toEqual(["one", "two"]);
    expect(await versions()).toHaveLength(2);
  });

  it("names the line of a statement that Postgres cannot parse", async () => {
    await writeDown("20260102000000_two", "drop table public.two;\n\nselect nothing from;");
    await expect(rollBackLast(1)).rejects.toThrow(
      "20260102000000_two.sql:3 cannot be read: syntax error",
    );
    expect(await tables()).toEqual(["one", "two"]);
  });

  it("does not run a rollback that contains a commit", async () => {
    await writeDown("20260102000000_two", "drop table public.two;\ncommit;");
    await expect(rollBackLast(1)).rejects.toThrow("20260102000000_two.sql:2");
    expect(await tables()).toEqual(["one", "two"]);
  });

  it("does nothing if the database's migrations have changed since the plan was made", async () => {
    await expect(rollBackLast(1, ["20260101000000"])).rejects.toThrow("have changed");
    expect(await tables()).toEqual(["one", "two"]);
  });

  it("lets only one of two rollbacks run at a time", async () => {
    await using(async (other) => {
      await other
        .begin(async (tx) => {
          await tx`lock table public.two in access share mode`;
          const first = rollBackLast(1);
          await waitUntil(async () => {
            const [row] = await tx<{ waiting: number }[]>`
            select count(*)::int as waiting from pg_locks where not granted`;
            return row?.waiting === 1;
          });
          await expect(rollBackLast(1)).rejects.toThrow("Another rollback");
          // After the commit the first rollback goes on.
          return { first };
        })
        .then(({ first }) => first);
    });
    expect(await tables()).toEqual(["one"]);
  });
});

describe("npm run db:rollback", () => {
  beforeAll(async () => {
    url = await platform.createDatabase("command", "revoked");
    await pushMigrations(url);
  });

  it("with --dry-run only prints what it would do", async () => {
    const before = await versions();
    const { stdout } = await command("--remote", url, "--last", "2", "--dry-run");
    expect(stdout).toContain(before.at(-1));
    expect(stdout).toContain(before.at(-2));
    expect(stdout).not.toContain(new URL(url).password);
    expect(await versions()).toEqual(before);
  });

  it("does nothing without --yes", async () => {
    const before = await versions();
    const failed = await command("--remote", url).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("--yes") });
    expect(await versions()).toEqual(before);
  });

  it("rolls back to a version, which is kept", async () => {
    const before = await versions();
    await command("--remote", url, "--to", before[1] ?? "", "--yes");
    expect(await versions()).toEqual(before.slice(0, 2));
  });

  it.each([
    ["an unknown option", ["--lats", "1"]],
    ["a count that is no number", ["--last", "all"]],
    ["two requests at once", ["--last", "1", "--to", "20260101000000"]],
    ["an address that is no URL", ["--remote", "localhost", "--yes"]],
  ])("answers %s with a sentence and the next step, without a stack", async (_, args) => {
    const failed = await command(...args).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .+\n.+\n$/) });
  });
});

function command(...args: string[]) {
  return promisify(execFile)(process.execPath, ["scripts/run.cjs", "rollback", ...args]);
}

function using<T>(work: (sql: ReturnType<typeof connect>) => Promise<T>): Promise<T> {
  return withConnection(url, work);
}

const versions = () => using(appliedVersions);

const tables = () =>
  using(async (sql) => {
    const rows = await sql<{ tablename: string }[]>`
      select tablename from pg_tables where schemaname = 'public' order by tablename`;
    return rows.map(({ tablename }) => tablename);
  });

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

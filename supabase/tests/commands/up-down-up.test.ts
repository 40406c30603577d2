import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  pushMigrations,
  type SchemaSnapshot,
  type ScratchPlatform,
  schemaSnapshot,
  startScratchPlatform,
  withConnection,
} from "../support/database.ts";
import { appliedVersions, listMigrations, planRollback, rollBack } from "../support/migrations.ts";

const migrations = await listMigrations();

describe.each(["granted", "revoked"] as const)("with new objects %s to the API roles", (mode) => {
  // Each mode has its own server, because migrations also change settings of the whole server.
  let platform: ScratchPlatform;

  beforeAll(async () => {
    platform = await startScratchPlatform();
  });

  afterAll(() => platform?.stop());

  it("every rollback restores the schema before its migration, and applying it again gives the same schema", async () => {
    const url = await platform.createDatabase(mode, mode);
    const snapshot = () => platform.asAdmin(mode, schemaSnapshot);

    const empty = await snapshot();
    await pushMigrations(url);
    const full = await snapshot();
    // The schema after each rollback, newest first.
    const below: SchemaSnapshot[] = [];
    for (const _ of migrations) {
      await rollBackLast(url);
      below.push(await snapshot());
    }
    expect(below.at(-1)).toEqual(empty);

    for (const [index, migration] of migrations.entries()) {
      await apply(url, migration.path);
      expect(await snapshot(), `after ${migration.file}`).toEqual(
        below[migrations.length - 2 - index] ?? full,
      );
    }
    expect(full).not.toEqual(empty);
  });
});

async function rollBackLast(url: string): Promise<void> {
  await withConnection(url, async (sql) => {
    const applied = await appliedVersions(sql);
    await rollBack(sql, planRollback(applied, migrations, { last: 1 }), applied);
  });
}

/** Runs one migration as a push does, without the CLI, whose start would take longer. */
async function apply(url: string, path: string): Promise<void> {
  const text = await readFile(path, "utf8");
  await withConnection(url, (sql) =>
    sql.begin(async (tx) => {
      await tx`set local search_path = "$user", public`;
      await tx.unsafe(text).simple();
    }),
  );
}

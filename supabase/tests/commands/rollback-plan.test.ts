import { describe, expect, it } from "vitest";
import { type Migration, planRollback } from "../support/migrations.ts";

const migration = (version: string, hasRollback = true): Migration => ({
  version,
  file: `${version}_topic.sql`,
  path: `supabase/migrations/${version}_topic.sql`,
  rollbackPath: `supabase/rollbacks/${version}_topic.sql`,
  hasRollback,
});

const applied = ["20260101000000", "20260102000000", "20260103000000"];
const local = applied.map((version) => migration(version));
const plan = (...args: Parameters<typeof planRollback>) =>
  planRollback(...args).map(({ version }) => version);

describe("the plan of a rollback", () => {
  it("contains the newest migrations, newest first", () => {
    expect(plan(applied, local, { last: 2 })).toEqual(["20260103000000", "20260102000000"]);
  });

  it("contains everything newer than a version, but not the version", () => {
    expect(plan(applied, local, { to: "20260101000000" })).toEqual([
      "20260103000000",
      "20260102000000",
    ]);
  });

  it("is empty if the version is the newest one", () => {
    expect(plan(applied, local, { to: "20260103000000" })).toEqual([]);
  });

  it("counts the migrations of the database, not those of the checkout", () => {
    const ahead = [...local, migration("20260104000000")];
    expect(plan(applied, ahead, { last: 1 })).toEqual(["20260103000000"]);
  });

  it("is refused if a rollback is missing", () => {
    const oneWay = [...local.slice(0, 2), migration("20260103000000", false)];
    expect(() => plan(applied, oneWay, { last: 1 })).toThrow(
      "20260103000000_topic.sql has no rollback",
    );
  });

  it("does not need the rollback of a migration that stays", () => {
    const oneWay = [migration("20260101000000", false), ...local.slice(1)];
    expect(plan(applied, oneWay, { last: 2 })).toHaveLength(2);
  });

  it("is refused if the database has a migration that the checkout does not have", () => {
    expect(() => plan(applied, local.slice(0, 2), { last: 1 })).toThrow("20260103000000");
  });

  it("is refused if there are fewer migrations than the given number", () => {
    expect(() => plan(applied, local, { last: 4 })).toThrow("3 migrations, fewer than 4");
    expect(() => plan([], local, { last: 1 })).toThrow("0 migrations");
  });

  it("is refused if the database does not have the version", () => {
    expect(() => plan(applied, local, { to: "20260109000000" })).toThrow("20260109000000");
  });
});

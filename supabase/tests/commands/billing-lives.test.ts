import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type ScratchPlatform,
  startScratchPlatform,
} from "../../../scripts/lib/scratch-platform.ts";
import { pushMigrations } from "../../../scripts/local/migrations.ts";
import { billingDatabase } from "../support/billing-lives/database.ts";
import { runLives } from "../support/billing-lives/run.ts";

let platform: ScratchPlatform;
let sql: postgres.Sql;

beforeAll(async () => {
  platform = await startScratchPlatform();
  const url = await platform.createDatabase("lives", "revoked");
  await pushMigrations(url);
  sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`set synchronous_commit = off`;
}, 120_000);

afterAll(async () => {
  await sql?.end();
  await platform?.stop();
});

it("300 random lives end with the reference's premium, credits and ledger", async () => {
  const seed = Number(process.env.LIVES_SEED ?? Date.now() % 2 ** 31);
  const { failures } = await runLives(billingDatabase(sql), { count: 300, seed });
  expect(failures.slice(0, 1), `seed ${seed}, ${failures.length} lives differ`).toEqual([]);
}, 300_000);

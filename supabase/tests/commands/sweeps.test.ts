import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connect } from "../support/database.ts";
import { startSweeps } from "../support/local-stack.ts";
import { stack } from "../support/stack.ts";

/** A database whose sweep only counts its calls: of the first two runs, the first reports that more is due. */
const counted = `
  create table public.calls (caller text, transaction xid8);
  create function public.sweep() returns jsonb language plpgsql security definer as $$
  begin
    insert into public.calls values (current_setting('role'), pg_current_xact_id());
    return jsonb_build_object(
      'months_granted', case when (select count(*) from public.calls) = 1 then 20 else 0 end,
      'ledger_disagreements', '[]'::jsonb
    );
  end $$`;

const name = `sweeps_${randomUUID().replaceAll("-", "")}`;
const url = new URL(stack.DB_URL);
url.pathname = `/${name}`;

let admin: Sql;
let sql: Sql;

beforeAll(async () => {
  admin = connect(stack.DB_URL);
  await admin.unsafe(`create database ${name}`);
  sql = connect(url.href);
});

afterAll(async () => {
  await sql?.end();
  await admin?.unsafe(`drop database if exists ${name}`);
  await admin?.end();
});

const callsSoFar = async () => (await sql`select from public.calls`).length;

describe("the sweeps of a local stack", () => {
  it("leave a database alone that has no sweep yet", async () => {
    const lines: string[] = [];
    const stop = startSweeps(url.href, (line) => lines.push(line), 10);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await stop();
    expect(lines).toEqual([]);
  });

  it("run at once, each batch in a transaction, as the service role, then after each interval, and end with the stack", async () => {
    await sql.unsafe(counted);
    const lines: string[] = [];
    const patient = startSweeps(url.href, (line) => lines.push(line));
    await vi.waitFor(async () => expect(await callsSoFar()).toBe(2));
    await patient();
    const [calls] = await sql`
      select min(caller) as first, max(caller) as last, count(distinct transaction)::integer as transactions
      from public.calls`;
    expect(calls).toEqual({ first: "service_role", last: "service_role", transactions: 2 });

    const stop = startSweeps(url.href, (line) => lines.push(line), 10);
    await vi.waitFor(async () => expect(await callsSoFar()).toBeGreaterThan(4));
    await stop();
    const after = await callsSoFar();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([await callsSoFar(), lines]).toEqual([after, []]);
  });

  it("log a failure in one line and go on", async () => {
    await sql`alter table public.calls rename to lost`;
    const lines: string[] = [];
    const stop = startSweeps(url.href, (line) => lines.push(line), 10);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1));
    await sql`alter table public.lost rename to calls`;
    const before = await callsSoFar();
    await vi.waitFor(async () => expect(await callsSoFar()).toBeGreaterThan(before));
    await stop();
    expect(lines[0]).toBe('The sweep failed: relation "public.calls" does not exist');
  });
});

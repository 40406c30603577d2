import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { asOperator, service } from "../support/clients.ts";
import { createMember, type Member, rpcAs } from "../support/members.ts";
import { stack } from "../support/stack.ts";

/** Credits over HTTP under concurrent requests: each counts once, and the ledger's sum is the balance. */

let person: Member;

beforeEach(async () => {
  person = await createMember();
});

const consume = (args: object) => rpcAs(person.token, "consume_credits", args);
const serve = (name: string, args: object) =>
  rpcAs(stack.SECRET_KEY, name, { user_id: person.id, ...args });

/** The balance, the ledger's sum, and the number of rows of a kind. */
function books(kind: string) {
  return asOperator(async (sql) => {
    const [row] = await sql<
      { credits: number; ledger: number; rows: number; disagreements: number }[]
    >`
      select
        u.credits,
        sum(t.delta)::int as ledger,
        (count(*) filter (where t.kind = ${kind}))::int as rows,
        (select count(*)::int from private.check_ledger(u.id)) as disagreements
      from public.users as u
      join public.credit_transactions as t on t.user_id = u.id
      where u.id = ${person.id}
      group by u.id
    `;
    return row;
  });
}

describe("16 concurrent clients that spend one user's credits", () => {
  it("spend the amount of each idempotency key once, however often they send it", async () => {
    await serve("grant_credits", { amount: 95 });
    const keys = Array.from({ length: 32 }, () => randomUUID());
    const queue = [...keys, ...keys, ...keys].sort(() => Math.random() - 0.5);
    const receipts = new Map<string, Set<number>>();
    let fresh = 0;
    const client = async () => {
      for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
        const { status, body } = await consume({
          amount: 2,
          reason: "At once",
          idempotency_key: key,
        });
        expect(status).toBe(200);
        if (!body.replayed) fresh++;
        receipts.set(key, (receipts.get(key) ?? new Set()).add(body.transaction_id));
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    expect(fresh).toBe(32);
    expect([...receipts.values()].every(({ size }) => size === 1)).toBe(true);
    expect(await books("consume")).toEqual({ credits: 36, ledger: 36, rows: 32, disagreements: 0 });
  });

  it("are refused once the balance is spent", async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => consume({ amount: 1 })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.filter(({ body }) => body.details === "insufficient_credits")).toHaveLength(11);
    expect(await books("consume")).toEqual({ credits: 0, ledger: 0, rows: 5, disagreements: 0 });
  });

  it("get the same transaction for one key that spends the last credits", async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => consume({ amount: 5, idempotency_key: key })),
    );
    const paid = answers.filter(({ status }) => status === 200);
    expect(paid.filter(({ body }) => !body.replayed)).toHaveLength(1);
    expect(new Set(paid.map(({ body }) => body.transaction_id)).size).toBe(1);
    expect(await consume({ amount: 5, idempotency_key: key })).toMatchObject({
      status: 200,
      body: { balance: 0, replayed: true },
    });
    expect(await books("consume")).toEqual({ credits: 0, ledger: 0, rows: 1, disagreements: 0 });
  });
});

describe("a charge", () => {
  it("is refunded once, however many requests ask for it at the same time", async () => {
    const idempotency_key = randomUUID();
    await serve("charge_credits", { amount: 4, reason: "A strategy", idempotency_key });
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => serve("refund_credits", { idempotency_key })),
    );
    expect(answers.every(({ status, body }) => status === 200 && body.balance === 5)).toBe(true);
    expect(answers.filter(({ body }) => !body.replayed)).toHaveLength(1);
    expect(await books("refund")).toEqual({ credits: 5, ledger: 5, rows: 1, disagreements: 0 });
  });

  it("is refused under the same key after its refund", async () => {
    const charge = { amount: 1, idempotency_key: randomUUID() };
    await serve("charge_credits", charge);
    await serve("refund_credits", { idempotency_key: charge.idempotency_key });
    expect(await serve("charge_credits", charge)).toMatchObject({
      status: 409,
      body: { code: "PT409", details: "idempotency_key_reused" },
    });
  });
});

describe("a direct update of the balance", () => {
  it("is refused even to the service role", async () => {
    const { error } = await service().from("users").update({ credits: 999 }).eq("id", person.id);
    expect(error).not.toBeNull();
    expect(await books("opening")).toMatchObject({ credits: 5, ledger: 5, disagreements: 0 });
  });
});

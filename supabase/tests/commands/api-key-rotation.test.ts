import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pushMigrations, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";
import {
  type KeyHolders,
  makeKeyHolders,
  readKey,
  runClient,
  store,
} from "../support/key-traffic.ts";
import { actAs, pidOf, untilBlocked } from "../support/transactions.ts";

/** Rotating the secret while users store and read keys, on a server of its own, because all users share the secret. */

let platform: ScratchPlatform;
let url: string;
let operator: postgres.Sql;
let one: postgres.Sql;
let two: postgres.Sql;
let holders: KeyHolders;

beforeAll(async () => {
  platform = await startScratchPlatform();
  url = await platform.createDatabase("rotation", "revoked");
  await pushMigrations(url);
  [operator, one, two] = [connect(), connect(), connect()];
  holders = await makeKeyHolders(operator, 40, 5);
});

afterAll(async () => {
  await Promise.all([operator, one, two].map((sql) => sql?.end()));
  await platform?.stop();
});

function connect() {
  return postgres(url, { max: 1, onnotice: () => {} });
}

const version = async () => {
  const [row] = await operator<{ v: number }[]>`
    select private.current_api_key_secret_version() as v
  `;
  return row?.v ?? 0;
};
const rotate = () => operator`select public.rotate_api_key_secret()`;
const reencrypt = async (batch: number, sql: postgres.Sql | postgres.TransactionSql = operator) => {
  const [row] = await sql<{ r: { reencrypted: number; remaining: number } }[]>`
    select public.reencrypt_api_keys(${batch}) as r
  `;
  return row?.r ?? { reencrypted: 0, remaining: -1 };
};
const drop = (of: number) => operator`select public.drop_api_key_secret(${of})`;
const finish = async () => {
  for (;;) {
    const { remaining } = await reencrypt(1000);
    if (remaining === 0) return;
  }
};
const someUser = () => holders.userIds[0] ?? "";

describe("rotating the secret of the API keys", () => {
  it("lets every user read the right key all the time, and after the old secret is dropped", async () => {
    const old = await version();
    const stopping = new AbortController();
    const clients = [0, 1, 2, 3].map((index) =>
      runClient(url, holders, { index, of: 4 }, stopping.signal),
    );
    await rotate();
    while ((await reencrypt(10)).remaining > 0);
    stopping.abort();
    const traffic = await Promise.all(clients);
    expect(traffic.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(traffic.reduce((sum, { reads }) => sum + reads, 0)).toBeGreaterThan(0);

    await finish();
    await drop(old);
    await operator`delete from private.attempts`;
    for (const [key, value] of holders.expected) {
      const [userId = "", provider = ""] = key.split(" ");
      expect(await readKey(operator, userId, provider)).toBe(value);
    }
  });

  it("does not drop a secret while an uncommitted key is stored under it", async () => {
    const old = await version();
    await one.begin(async (tx) => {
      await actAs(tx, { role: "authenticated", sub: someUser() });
      await tx`select public.store_api_key('uncommitted', 'sk-not-committed-yet')`;
      await rotate();
      await finish();
      await expect(drop(old)).rejects.toMatchObject({ code: "PT409", detail: "secret_in_use" });
    });
    await expect(drop(old)).rejects.toMatchObject({ code: "PT409", detail: "secret_in_use" });
    await finish();
    await drop(old);
    expect(await readKey(operator, someUser(), "uncommitted")).toBe("sk-not-committed-yet");
  });

  it("does not drop a secret while an uncommitted row was inserted under it by plain SQL", async () => {
    const old = await version();
    await rotate();
    await finish();
    await one.begin(async (tx) => {
      await tx`
        insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version)
        values (${someUser()}, 'direct', 'x', 'x', ${old})
      `;
      await expect(drop(old)).rejects.toMatchObject({ code: "PT409", detail: "secret_in_use" });
      await tx`delete from public.api_keys where provider = 'direct'`;
    });
    await drop(old);
  });

  it("stores a key under the newest secret even if the rotation is committed while it waits", async () => {
    const old = await version();
    const waiter = await pidOf(two);
    let storing: Promise<unknown> = Promise.resolve();
    await one.begin(async (tx) => {
      // Dropping a secret takes this lock.
      await tx`select pg_advisory_xact_lock(hashtext('api_key_secret'), ${old})`;
      storing = store(two, someUser(), "waiting", "sk-has-been-waiting");
      await untilBlocked(operator, waiter, storing);
      await rotate();
    });
    await storing;
    const [stored] = await operator`
      select secret_version from public.api_keys where user_id = ${someUser()} and provider = 'waiting'
    `;
    expect(stored).toEqual({ secret_version: old + 1 });
    await finish();
    await drop(old);
  });

  it("does not wait for a locked key, but leaves it for the next batch", async () => {
    await rotate();
    await finish();
    await rotate();
    await one.begin(async (tx) => {
      await tx`select from public.api_keys where user_id = ${someUser()} for no key update`;
      const { remaining } = await reencrypt(1000);
      expect(remaining).toBeGreaterThan(0);
      expect(remaining).toBeLessThan(20);
    });
    expect((await reencrypt(1000)).remaining).toBe(0);
  });

  it("reads a key with its new secret when it was re-encrypted while the reader waited", async () => {
    const old = await version();
    await rotate();
    const waiter = await pidOf(two);
    let reading: Promise<string> = Promise.resolve("");
    await one.begin(async (tx) => {
      await reencrypt(1000, tx);
      reading = readKey(two, someUser(), "uncommitted");
      await untilBlocked(operator, waiter, reading);
    });
    await finish();
    await drop(old);
    expect(await reading).toBe("sk-not-committed-yet");
  });

  it("reads a key whose row was read before its secret is dropped", async () => {
    const old = await version();
    await rotate();
    const waiter = await pidOf(two);
    let reading: Promise<string> = Promise.resolve("");
    await one.begin(async (tx) => {
      // The reader has read the row and waits for the secret.
      await tx`lock table vault.secrets in access exclusive mode`;
      reading = readKey(two, someUser(), "uncommitted");
      await untilBlocked(operator, waiter, reading);
      expect((await reencrypt(1000, tx)).remaining).toBe(1);
    });
    expect(await reading).toBe("sk-not-committed-yet");
    await finish();
    await drop(old);
  });

  it("continues after a batch that was rolled back", async () => {
    await rotate();
    const { remaining: before } = await reencrypt(10);
    await one
      .begin(async (tx) => {
        await reencrypt(10, tx);
        throw new Error("rolled back");
      })
      .catch(() => {});
    expect((await reencrypt(10)).remaining).toBe(before - 10);
    await finish();
  });

  it("divides the rows between two concurrent batches", async () => {
    await rotate();
    await one.begin(async (tx) => {
      const first = await reencrypt(10, tx);
      const second = await reencrypt(1000);
      expect(first.reencrypted).toBe(10);
      expect(second.remaining).toBeGreaterThanOrEqual(10);
    });
    expect((await reencrypt(1000)).remaining).toBe(0);
  });

  it("gives two concurrent rotations two versions", async () => {
    const before = await version();
    await Promise.all([
      one`select public.rotate_api_key_secret()`,
      two`select public.rotate_api_key_secret()`,
    ]);
    expect(await version()).toBe(before + 2);
  });
});

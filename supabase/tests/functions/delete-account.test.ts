import assert from "node:assert/strict";
import Stripe from "stripe";
import type { ClaimsReader } from "../../functions/_shared/caller.ts";
import { failure } from "../../functions/_shared/failure.ts";
import type { LogFields } from "../../functions/_shared/log.ts";
import type { Account } from "../../functions/delete-account/account.ts";
import { createBilling, type StripeSubscriptions } from "../../functions/delete-account/billing.ts";
import {
  type Bucket,
  createFiles,
  type StorageRefusal,
} from "../../functions/delete-account/files.ts";
import { createHandler } from "../../functions/delete-account/handler.ts";
import type { Subscription } from "../../functions/delete-account/subscriptions.ts";

const userId = "0b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f";

const auth: ClaimsReader = {
  getClaims: (token) =>
    Promise.resolve(
      token === "valid"
        ? { data: { claims: { sub: userId, role: "authenticated" } }, error: null }
        : { data: null, error: { status: 401 } },
    ),
};

function subscription(fields: Partial<Subscription>): Subscription {
  return {
    provider: "stripe",
    provider_subscription_id: "sub_1",
    status: "active",
    cancel_at: null,
    ...fields,
  };
}

/** Notes in which order what was done; `broken` names the step that fails. */
function setUp(
  account: Partial<Account> | null,
  broken?: "billing" | "files" | "rows",
  hasSecondFactor = false,
) {
  const done: string[] = [];
  const lines: LogFields[] = [];
  const upstream = failure("upstream_error", "Try again later.");
  const handler = createHandler({
    auth,
    service: { rpc: () => Promise.resolve({ data: hasSecondFactor, error: null }) },
    accounts: {
      find: () =>
        Promise.resolve(account && { email: "ada@example.test", subscriptions: [], ...account }),
      remove: (id) => {
        done.push(`rows of ${id}`);
        return Promise.resolve(broken === "rows" ? upstream : true);
      },
    },
    billing: {
      end: ({ provider_subscription_id }) => {
        done.push(`end ${provider_subscription_id}`);
        return Promise.resolve(broken === "billing" ? upstream : true);
      },
    },
    refresh: () => Promise.resolve(true),
    files: {
      removeAll: (id) => {
        done.push(`files of ${id}`);
        return Promise.resolve(broken === "files" ? upstream : 3);
      },
    },
    allowedOrigins: () => false,
    log: (line) => lines.push(line),
  });
  const post = (body: unknown, token = "valid") =>
    handler(
      new Request("http://functions.test/delete-account", {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      }),
    );
  return { post, done, lines };
}

const confirmed = { confirm_email: " Ada@Example.test " };

async function codeOf(response: Response): Promise<string> {
  return (await response.json()).error.code;
}

Deno.test("files go before rows, and the email confirms whatever its case", async () => {
  const { post, done, lines } = setUp({});
  const response = await post(confirmed);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { deleted: true });
  assert.deepEqual(done, [`files of ${userId}`, `rows of ${userId}`]);
  assert.equal(lines[0]?.files, 3);
  assert.doesNotMatch(JSON.stringify(lines), /ada@/i);
});

Deno.test("another email deletes nothing", async () => {
  const { post, done } = setUp({});
  const response = await post({ confirm_email: "eve@example.test" });
  assert.equal(response.status, 422);
  assert.equal(await codeOf(response), "confirmation_mismatch");
  assert.deepEqual(done, []);
});

Deno.test("no email, another field or no token deletes nothing", async () => {
  const { post, done } = setUp({});
  assert.equal(await codeOf(await post({})), "invalid_body");
  assert.equal(await codeOf(await post({ ...confirmed, user_id: "another" })), "invalid_body");
  assert.equal(await codeOf(await post(confirmed, "forged")), "not_authenticated");
  assert.deepEqual(done, []);
});

Deno.test("a session without the user's second factor deletes nothing", async () => {
  const { post, done } = setUp({}, undefined, true);
  const response = await post(confirmed);
  assert.equal(response.status, 403);
  assert.equal(await codeOf(response), "mfa_required");
  assert.deepEqual(done, []);
});

Deno.test("who has no account is told to add an email", async () => {
  const { post, done } = setUp(null);
  assert.equal(await codeOf(await post(confirmed)), "email_required");
  assert.deepEqual(done, []);
});

for (const status of ["trialing", "active", "past_due", "unpaid", "paused"] as const) {
  for (const provider of ["stripe", "paypal"] as const) {
    Deno.test(`a ${status} subscription of ${provider} that will renew keeps the account`, async () => {
      const { post, done } = setUp({ subscriptions: [subscription({ status, provider })] });
      const response = await post(confirmed);
      assert.equal(response.status, 409);
      assert.equal(await codeOf(response), "active_subscription");
      assert.deepEqual(done, []);
    });
  }
}

Deno.test("one that will renew beside one that will not keeps both", async () => {
  const ending = subscription({ cancel_at: "2027-01-01T00:00:00Z" });
  const { post, done } = setUp({ subscriptions: [ending, subscription({})] });
  assert.equal(await codeOf(await post(confirmed)), "active_subscription");
  assert.deepEqual(done, []);
});

for (const fields of [
  { cancel_at: "2027-01-01T00:00:00Z" },
  { status: "past_due", cancel_at: "2027-01-01T00:00:00Z" },
  { status: "incomplete" },
] as const) {
  Deno.test(`what will not renew is ended at the provider first: ${JSON.stringify(fields)}`, async () => {
    const { post, done } = setUp({ subscriptions: [subscription(fields)] });
    assert.equal((await post(confirmed)).status, 200);
    assert.deepEqual(done, ["end sub_1", `files of ${userId}`, `rows of ${userId}`]);
  });
}

for (const fields of [
  { provider: "manual", provider_subscription_id: null },
  { status: "canceled" },
  { status: "incomplete_expired" },
] as const) {
  Deno.test(`what no provider can charge is let be: ${JSON.stringify(fields)}`, async () => {
    const { post, done } = setUp({ subscriptions: [subscription(fields)] });
    assert.equal((await post(confirmed)).status, 200);
    assert.deepEqual(done, [`files of ${userId}`, `rows of ${userId}`]);
  });
}

for (const [broken, expected] of [
  ["billing", ["end sub_1"]],
  ["files", ["end sub_1", `files of ${userId}`]],
  ["rows", ["end sub_1", `files of ${userId}`, `rows of ${userId}`]],
] as const) {
  Deno.test(`when ${broken} fail, nothing after them is done and nobody is told it was`, async () => {
    const ending = subscription({ cancel_at: "2027-01-01T00:00:00Z" });
    const { post, done } = setUp({ subscriptions: [ending] }, broken);
    const response = await post(confirmed);
    assert.equal(response.status, 502);
    assert.deepEqual(done, [...expected]);
  });
}

// ---------------------------------------------------------------------- billing

function refusal(code: string) {
  return new Stripe.errors.StripeInvalidRequestError({
    type: "invalid_request_error",
    code,
    message: "No.",
  });
}

function stripe(failures: { cancel?: Error; status?: Stripe.Subscription.Status }) {
  const cancelled: string[] = [];
  const subscriptions: StripeSubscriptions = {
    cancel: (id) => {
      cancelled.push(id);
      return failures.cancel ? Promise.reject(failures.cancel) : Promise.resolve({});
    },
    retrieve: () =>
      failures.status
        ? Promise.resolve({ status: failures.status })
        : Promise.reject(new Error("Down.")),
  };
  return { subscriptions, cancelled };
}

Deno.test("a subscription is ended at Stripe", async () => {
  const client = stripe({});
  assert.equal(await createBilling(client).end(subscription({})), true);
  assert.deepEqual(client.cancelled, ["sub_1"]);
});

Deno.test("one that Stripe does not know, or that has ended there, has ended", async () => {
  assert.equal(
    await createBilling(stripe({ cancel: refusal("resource_missing") })).end(subscription({})),
    true,
  );
  const ended = stripe({ cancel: refusal("other"), status: "canceled" });
  assert.equal(await createBilling(ended).end(subscription({})), true);
});

for (const [what, failures] of [
  ["refused and not to be read", { cancel: refusal("other") }],
  ["refused and still active", { cancel: refusal("other"), status: "active" }],
  [
    "out of reach",
    { cancel: new Stripe.errors.StripeConnectionError({ type: "api_error", message: "Down." }) },
  ],
] as const) {
  Deno.test(`one that is ${what} has not ended`, async () => {
    const result = await createBilling(stripe(failures)).end(subscription({}));
    assert.notEqual(result, true);
  });
}

Deno.test("without a key, and for what is not Stripe's, Stripe is not asked", async () => {
  assert.equal(await createBilling(null).end(subscription({})), true);
  const client = stripe({});
  assert.equal(await createBilling(client).end(subscription({ provider: "paypal" })), true);
  assert.deepEqual(client.cancelled, []);
});

// ------------------------------------------------------------------------ files

/** A bucket as Storage shows it: folders are no files, and at most `limit` entries are listed. */
function bucket(paths: string[], refused: StorageRefusal | null = null, removes = true) {
  const files = new Set(paths);
  const fake: Bucket = {
    list: (folder, { limit }) => {
      if (refused) return Promise.resolve({ data: null, error: refused });
      const names = new Map<string, string | null>();
      for (const path of [...files].filter((one) => one.startsWith(`${folder}/`))) {
        const [name = "", ...deeper] = path.slice(folder.length + 1).split("/");
        names.set(name, deeper.length > 0 ? null : path);
      }
      const data = [...names].map(([name, id]) => ({ name, id })).slice(0, limit);
      return Promise.resolve({ data, error: null });
    },
    remove: (given) => {
      const gone = removes ? given.filter((path) => files.delete(path)) : [];
      return Promise.resolve({ data: gone.map((name) => ({ name })), error: null });
    },
  };
  return { fake, files };
}

Deno.test("every file under the user's folder goes, page by page and however deep, and nobody else's", async () => {
  const own = [
    ...Array.from({ length: 2_345 }, (_, n) => `${userId}/${n}.csv`),
    `${userId}/deep/deeper/chart.png`,
    `${userId}/deep/note.txt`,
  ];
  const { fake, files } = bucket([...own, "another/0.csv", `${userId}-more/0.csv`]);
  assert.equal(await createFiles(fake).removeAll(userId), own.length);
  assert.deepEqual([...files], ["another/0.csv", `${userId}-more/0.csv`]);
});

Deno.test("a folder that was never there holds no file", async () => {
  assert.equal(await createFiles(bucket([]).fake).removeAll(userId), 0);
});

Deno.test("the stack without Docker, which has no Storage, holds no file", async () => {
  const absent = { status: 501, statusCode: "not_in_local_stack" };
  assert.equal(await createFiles(bucket([], absent).fake).removeAll(userId), 0);
});

for (const refused of [
  { status: 501, statusCode: "501" },
  { status: 501, statusCode: "NotImplemented" },
  { status: 500, statusCode: "not_in_local_stack" },
  { status: 404, statusCode: "404" },
  { status: 503 },
  {},
]) {
  Deno.test(`a Storage that fails is not one that is empty: ${JSON.stringify(refused)}`, async () => {
    const result = await createFiles(bucket([`${userId}/0.csv`], refused).fake).removeAll(userId);
    assert.notEqual(typeof result, "number");
  });
}

Deno.test("a file that does not go is told, and does not keep us for ever", async () => {
  const { fake } = bucket([`${userId}/0.csv`], null, false);
  assert.notEqual(typeof (await createFiles(fake).removeAll(userId)), "number");
});

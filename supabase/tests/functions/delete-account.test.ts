import assert from "node:assert/strict";
import type { Provider } from "../../functions/_shared/billing/provider.ts";
import { failure } from "../../functions/_shared/http/failure.ts";
import {
  type Bucket,
  createFiles,
  type StorageError,
} from "../../functions/delete-account/files.ts";
import { createHandler } from "../../functions/delete-account/handler.ts";
import { stubProvider, stubService } from "./billing-support.ts";
import { acceptToken, keptLog, userId } from "./support.ts";

function subscription(fields: object = {}) {
  return {
    provider: "stripe",
    provider_subscription_id: "sub_1",
    status: "active",
    cancel_at: null,
    is_running: true,
    ...fields,
  };
}

/** Records the steps in their order; `broken` names the step that fails. */
function setUp(
  billing: { email?: string | null; [field: string]: unknown } = {},
  broken?: "billing" | "files" | "rows",
  hasSecondFactor = false,
) {
  const done: string[] = [];
  const { lines, log } = keptLog();
  const provider = (name: "stripe" | "paypal"): Provider =>
    stubProvider({
      name,
      close: (id) => {
        done.push(`close ${id}`);
        return Promise.resolve({ isOpen: false, completed: false, snapshots: [], purchases: [] });
      },
      session: () => Promise.resolve({ isOpen: true }),
      cancel: (id) => {
        done.push(`end ${id}`);
        return broken === "billing" ? Promise.reject(new Error("Down.")) : Promise.resolve();
      },
    });
  const { service } = stubService({
    billing_of: {
      account: null,
      email: "ada@example.test",
      checkout: null,
      customers: {},
      subscriptions: [],
      paypal_subscriptions: [],
      ...billing,
    },
    next_read_number: "7",
    open_provider_tasks: [],
    has_second_factor: hasSecondFactor,
  });
  const handler = createHandler({
    auth: acceptToken("valid"),
    service: {
      rpc: (name, args) => {
        if (name !== "delete_user") return service.rpc(name, args);
        done.push(`rows of ${args.user_id}`);
        return Promise.resolve(
          broken === "rows"
            ? { data: null, error: { code: "XX000", message: "Down." } }
            : { data: { deleted: true }, error: null },
        );
      },
    },
    providers: { stripe: provider("stripe"), paypal: provider("paypal") },
    files: {
      removeAll: (id) => {
        done.push(`files of ${id}`);
        const upstream = failure("upstream_error", "Try again later.");
        return Promise.resolve(broken === "files" ? upstream : 3);
      },
    },
    allowedOrigins: () => false,
    log,
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
const gone = [`files of ${userId}`, `rows of ${userId}`];

async function codeOf(response: Response): Promise<string> {
  return (await response.json()).error.code;
}

Deno.test("files are deleted before rows, and the email is compared without regard to case", async () => {
  const { post, done, lines } = setUp();
  const response = await post(confirmed);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { deleted: true });
  assert.deepEqual(done, gone);
  assert.equal(lines[0]?.files, 3);
  assert.doesNotMatch(JSON.stringify(lines), /ada@/i);
});

Deno.test("with another email nothing is deleted", async () => {
  const { post, done } = setUp();
  const response = await post({ confirm_email: "eve@example.test" });
  assert.equal(response.status, 422);
  assert.equal(await codeOf(response), "confirmation_mismatch");
  assert.deepEqual(done, []);
});

Deno.test("without an email, with another field or without a valid token nothing is deleted", async () => {
  const { post, done } = setUp();
  assert.equal(await codeOf(await post({})), "invalid_body");
  assert.equal(await codeOf(await post({ ...confirmed, user_id: "another" })), "invalid_body");
  assert.equal(await codeOf(await post(confirmed, "forged")), "not_authenticated");
  assert.deepEqual(done, []);
});

Deno.test("without the user's second factor nothing is deleted", async () => {
  const { post, done } = setUp({}, undefined, true);
  const response = await post(confirmed);
  assert.equal(response.status, 403);
  assert.equal(await codeOf(response), "mfa_required");
  assert.deepEqual(done, []);
});

Deno.test("a user without an account is asked to add an email", async () => {
  const { post, done } = setUp({ email: null });
  assert.equal(await codeOf(await post(confirmed)), "email_required");
  assert.deepEqual(done, []);
});

for (const provider of ["stripe", "paypal"] as const) {
  Deno.test(`an account whose ${provider} subscription will renew is not deleted`, async () => {
    const { post, done } = setUp({ subscriptions: [subscription({ provider })] });
    const response = await post(confirmed);
    assert.equal(response.status, 409);
    assert.equal(await codeOf(response), "active_subscription");
    assert.deepEqual(done, []);
  });
}

Deno.test("if one subscription will renew, another one is not ended either", async () => {
  const ending = subscription({ cancel_at: "2027-01-01T00:00:00Z" });
  const { post, done } = setUp({ subscriptions: [ending, subscription()] });
  assert.equal(await codeOf(await post(confirmed)), "active_subscription");
  assert.deepEqual(done, []);
});

for (const [what, billing, ended] of [
  [
    "is scheduled to end",
    { subscriptions: [subscription({ cancel_at: "2027-01-01T00:00:00Z" })] },
    "end sub_1",
  ],
  [
    "was never paid",
    { subscriptions: [subscription({ status: "incomplete", is_running: false })] },
    "end sub_1",
  ],
  ["could still be approved", { paypal_subscriptions: [{ id: "I-1", is_over: false }] }, "end I-1"],
  ["could still be paid", { checkout: { provider: "stripe", session_id: "cs_1" } }, "close cs_1"],
] as const) {
  Deno.test(`a purchase that ${what} is ended at the provider before the deletion`, async () => {
    const { post, done } = setUp(billing);
    assert.equal((await post(confirmed)).status, 200);
    assert.deepEqual(done, [ended, ...gone]);
  });
}

for (const [what, billing] of [
  ["an operator has granted", { subscriptions: [subscription({ provider: "manual" })] }],
  ["has ended", { subscriptions: [subscription({ status: "canceled", is_running: false })] }],
  ["is over at PayPal", { paypal_subscriptions: [{ id: "I-1", is_over: true }] }],
] as const) {
  Deno.test(`no provider is called for a subscription that ${what}`, async () => {
    const { post, done } = setUp(billing);
    assert.equal((await post(confirmed)).status, 200);
    assert.deepEqual(done, gone);
  });
}

for (const [broken, status, expected] of [
  ["billing", 502, ["end sub_1"]],
  ["files", 502, ["end sub_1", `files of ${userId}`]],
  ["rows", 500, ["end sub_1", ...gone]],
] as const) {
  Deno.test(`when ${broken} fail, the later steps are not done and the answer is an error`, async () => {
    const ending = subscription({ cancel_at: "2027-01-01T00:00:00Z" });
    const { post, done } = setUp({ subscriptions: [ending] }, broken);
    const response = await post(confirmed);
    assert.equal(response.status, status);
    assert.deepEqual(done, [...expected]);
  });
}

// ------------------------------------------------------------------------ files

/** A bucket as Storage lists it: a folder has no id, and at most `limit` entries are listed. */
function bucket(paths: string[], refused: StorageError | null = null, removes = true) {
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

Deno.test("every file in the user's folder is deleted, over many pages and in subfolders, and no other file", async () => {
  const own = [
    ...Array.from({ length: 2_345 }, (_, n) => `${userId}/${n}.csv`),
    `${userId}/deep/deeper/chart.png`,
    `${userId}/deep/note.txt`,
  ];
  const { fake, files } = bucket([...own, "another/0.csv", `${userId}-more/0.csv`]);
  assert.equal(await createFiles(fake).removeAll(userId), own.length);
  assert.deepEqual([...files], ["another/0.csv", `${userId}-more/0.csv`]);
});

Deno.test("a folder that does not exist has no files", async () => {
  assert.equal(await createFiles(bucket([]).fake).removeAll(userId), 0);
});

Deno.test("the stack without Docker, which has no Storage, has no files", async () => {
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
  Deno.test(`an error of Storage is not taken for an empty folder: ${JSON.stringify(refused)}`, async () => {
    const result = await createFiles(bucket([`${userId}/0.csv`], refused).fake).removeAll(userId);
    assert.notEqual(typeof result, "number");
  });
}

Deno.test("a file that cannot be deleted is an error, and does not loop for ever", async () => {
  const { fake } = bucket([`${userId}/0.csv`], null, false);
  assert.notEqual(typeof (await createFiles(fake).removeAll(userId)), "number");
});

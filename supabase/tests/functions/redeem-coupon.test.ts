import assert from "node:assert/strict";
import {
  createHandler,
  type RedeemCouponDependencies,
} from "../../functions/redeem-coupon/handler.ts";
import { acceptToken, keptLog, userId } from "./support.ts";

const coupon = { code: "OPEN-20", discount_percent: 20, description: null, expires_at: null };

function answer(code: string, facts: unknown = null) {
  return { ok: false, error: { code, status: 400, message: "No.", facts } };
}

function setUp(overrides: Partial<RedeemCouponDependencies> & { data?: unknown } = {}) {
  const calls: [string, Record<string, unknown>][] = [];
  const { lines, log } = keptLog();
  const { data = { ok: true, coupon }, ...rest } = overrides;
  const handler = createHandler({
    auth: acceptToken("valid"),
    service: {
      rpc: (name, args) => {
        calls.push([name, args]);
        return Promise.resolve({ data, error: null });
      },
    },
    mirror: null,
    allowedOrigins: (origin) => origin === "https://app.test",
    log,
    ...rest,
  });
  const post = (body: unknown, token = "valid") =>
    handler(
      new Request("http://functions.test/redeem-coupon", {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, origin: "https://app.test" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    );
  return { post, calls, lines, handler };
}

Deno.test("a code is redeemed for the user of the token", async () => {
  const { post, calls } = setUp();
  const response = await post({ code: " open-20 " });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { coupon, checkout_discount: false });
  assert.deepEqual(calls, [["redeem_coupon", { user_id: userId, code: "open-20" }]]);
});

Deno.test("a preview redeems nothing and does not call Stripe", async () => {
  let mirrored = 0;
  const { post, calls } = setUp({
    mirror: () => {
      mirrored++;
      return Promise.resolve();
    },
  });
  const response = await post({ code: "OPEN-20", preview: true });
  assert.deepEqual(await response.json(), { coupon, checkout_discount: false });
  assert.deepEqual(calls, [["preview_coupon", { user_id: userId, code: "OPEN-20" }]]);
  assert.equal(mirrored, 0);
});

Deno.test("without a valid token no attempt is made", async () => {
  const { post, calls } = setUp();
  const response = await post({ code: "OPEN-20" }, "forged");
  assert.equal(response.status, 401);
  assert.equal((await response.json()).error.code, "not_authenticated");
  assert.deepEqual(calls, []);
});

for (const body of [
  "no json",
  {},
  { code: "" },
  { code: "   " },
  { code: 5 },
  { code: "x".repeat(201) },
  { code: "OPEN-20", preview: "yes" },
  { code: "OPEN-20", user_id: "another" },
]) {
  Deno.test(`an invalid body is refused: ${JSON.stringify(body).slice(0, 50)}`, async () => {
    const { post, calls } = setUp();
    const response = await post(body);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error.code, "invalid_body");
    assert.deepEqual(calls, []);
  });
}

Deno.test("a refusal by the rate limit sets Retry-After, which a page may read", async () => {
  const { post } = setUp({ data: answer("rate_limited", { retry_after: 314 }) });
  const response = await post({ code: "OPEN-20" });
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "314");
  assert.match(response.headers.get("access-control-expose-headers") ?? "", /retry-after/);
  assert.deepEqual((await response.json()).error.facts, { retry_after: 314 });
});

for (const [code, status] of [
  ["coupon_not_found", 404],
  ["coupon_already_redeemed", 409],
  ["coupon_exhausted", 409],
  ["coupon_expired", 410],
] as const) {
  Deno.test(`${code} is answered with ${status}, and Stripe is not called`, async () => {
    const { post } = setUp({ data: answer(code), mirror: () => assert.fail("Stripe was called") });
    const response = await post({ code: "OPEN-20" });
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.code, code);
  });
}

Deno.test("a user without an account is asked to add an email", async () => {
  const { post } = setUp({ data: answer("user_not_found") });
  const response = await post({ code: "OPEN-20" });
  assert.equal(response.status, 403);
  assert.equal((await response.json()).error.code, "email_required");
});

Deno.test("once the coupon is at Stripe, the answer says that the next checkout has the discount", async () => {
  const mirrored: string[] = [];
  const { post } = setUp({
    mirror: (code) => {
      mirrored.push(code);
      return Promise.resolve();
    },
  });
  // The code of the database, not the one that was typed.
  assert.equal((await (await post({ code: "open-20" })).json()).checkout_discount, true);
  assert.deepEqual(mirrored, ["OPEN-20"]);
});

Deno.test("the coupon stays redeemed when Stripe fails", async () => {
  const { post, calls, lines } = setUp({
    mirror: () => Promise.reject(new Error("secret of Stripe's")),
  });
  const response = await post({ code: "OPEN-20" });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { coupon, checkout_discount: false });
  assert.equal(calls.length, 1);
  assert.equal(lines[0]?.mirror, "failed");
  assert.doesNotMatch(JSON.stringify(lines), /secret of Stripe/);
});

Deno.test("the answer does not wait for Stripe beyond the time limit", async () => {
  const never = new Promise<void>(() => {});
  const { post, lines } = setUp({ mirror: () => never, mirrorTime: 1 });
  const response = await post({ code: "OPEN-20" });
  assert.deepEqual(await response.json(), { coupon, checkout_discount: false });
  assert.equal(lines[0]?.mirror, "late");
});

Deno.test("the log line has neither code nor token nor email", async () => {
  const { post, lines } = setUp();
  await post({ code: "OPEN-20" });
  assert.doesNotMatch(JSON.stringify(lines), /OPEN|valid/);
  assert.equal(lines[0]?.user_id, userId);
});

import assert from "node:assert/strict";
import { createHandler } from "../../functions/health/handler.ts";
import { keptLog } from "./support.ts";

/** The function reports whether the database answers and, with the secret key, figures for monitoring. */

const pulse = { sweep_age_s: 30, last_webhook_age_s: null, attention: 2 };

function request(answers: boolean, { method = "GET", headers = {} } = {}) {
  const handler = createHandler({
    databaseAnswers: () => Promise.resolve(answers),
    service: {
      rpc: () =>
        Promise.resolve(
          answers ? { data: pulse, error: null } : { data: null, error: { message: "No answer." } },
        ),
    },
    serviceKeys: ["sb_secret_test"],
    log: keptLog().log,
  });
  return handler(new Request("http://functions.test/health", { method, headers }));
}

Deno.test("if the database answers, the status is ok", async () => {
  const response = await request(true);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
});

Deno.test("if the database does not answer, the status is unavailable", async () => {
  const response = await request(false);
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { status: "unavailable" });
});

Deno.test("with the secret key the answer has the ages of sweep and webhook and the number of things that need attention", async () => {
  for (const headers of [
    { apikey: "sb_secret_test" },
    { authorization: "Bearer sb_secret_test" },
  ]) {
    const response = await request(true, { headers });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { status: "ok", database: "ok", ...pulse });
  }
  const unavailable = await request(false, { headers: { apikey: "sb_secret_test" } });
  assert.equal(unavailable.status, 503);
});

Deno.test("with another key the answer is that for a visitor", async () => {
  const response = await request(true, { headers: { apikey: "sb_secret_guess" } });
  assert.deepEqual(await response.json(), { status: "ok" });
});

Deno.test("GET and HEAD are allowed, and POST is not", async () => {
  assert.equal((await request(true, { method: "POST" })).status, 405);
  assert.equal((await request(true, { method: "HEAD" })).status, 200);
});

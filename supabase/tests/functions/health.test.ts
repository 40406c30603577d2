import assert from "node:assert/strict";
import { createHandler } from "../../functions/health/handler.ts";
import { keptLog } from "./support.ts";

/** Health is whether the database answers. */

function ask(answers: boolean, method = "GET") {
  const handler = createHandler({
    databaseAnswers: () => Promise.resolve(answers),
    log: keptLog().log,
  });
  return handler(new Request("http://functions.test/health", { method }));
}

Deno.test("a database that answers is healthy", async () => {
  const response = await ask(true);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
});

Deno.test("one that does not is unavailable", async () => {
  const response = await ask(false);
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { status: "unavailable" });
});

Deno.test("health is asked for, not sent", async () => {
  assert.equal((await ask(true, "POST")).status, 405);
  assert.equal((await ask(true, "HEAD")).status, 200);
});

import assert from "node:assert/strict";
import {
  type ClaimsReader,
  identifyCaller,
  requireSecondFactor,
} from "../../functions/_shared/auth/caller.ts";
import { isServiceRequest } from "../../functions/_shared/auth/service-key.ts";
import { isFailure } from "../../functions/_shared/http/failure.ts";
import { post } from "./support.ts";

/** The caller of a request is the user of its verified token. */

const userId = "11111111-2222-4333-8444-555555555555";
const claims = { sub: userId, role: "authenticated", email: "ada@tests.test" };

function auth(answer: unknown): ClaimsReader {
  return { getClaims: () => Promise.resolve({ data: { claims: answer }, error: null }) };
}

const signedIn = () => post({}, { authorization: "Bearer some.users.token" });

async function codeOf(request: Request, reader: ClaimsReader): Promise<string> {
  const caller = await identifyCaller(request, reader);
  return isFailure(caller) ? caller.code : "accepted";
}

Deno.test("the caller is the user of the token", async () => {
  let asked = "";
  const reader: ClaimsReader = {
    getClaims: (token) => {
      asked = token;
      return auth(claims).getClaims(token);
    },
  };
  assert.deepEqual(await identifyCaller(signedIn(), reader), {
    userId,
    email: "ada@tests.test",
    token: "some.users.token",
    hasSecondFactor: false,
  });
  assert.equal(asked, "some.users.token");
});

Deno.test("without a token Auth is not called", async () => {
  const reader: ClaimsReader = { getClaims: () => assert.fail("asked") };
  for (const header of ["", "Bearer", "Bearer ", "Basic abc", "Bearer two tokens"]) {
    assert.equal(
      await codeOf(post({}, { authorization: header }), reader),
      "not_authenticated",
      header,
    );
  }
  assert.equal(await codeOf(post({}, { apikey: "key" }), reader), "not_authenticated");
});

Deno.test("a token without a user is refused: the anon key, the service key, a malformed subject", async () => {
  for (const answer of [
    { role: "anon" },
    { role: "service_role" },
    { ...claims, role: "service_role" },
    { ...claims, role: undefined },
    { ...claims, sub: "somebody" },
    { ...claims, sub: undefined },
    null,
  ]) {
    assert.equal(
      await codeOf(signedIn(), auth(answer)),
      "not_authenticated",
      JSON.stringify(answer),
    );
  }
});

Deno.test("a user without an email is accepted", async () => {
  for (const email of ["", null, undefined]) {
    const caller = await identifyCaller(signedIn(), auth({ ...claims, email }));
    assert.ok(!isFailure(caller));
    assert.equal(caller.email, null);
  }
});

Deno.test("a token of an OAuth client is refused, even if the database trusts the client", async () => {
  for (const clientId of ["7d9c1e5a-0000-4000-8000-000000000000", "x", 1, true, {}]) {
    const reader = auth({ ...claims, aal: "aal2", client_id: clientId });
    assert.equal(await codeOf(signedIn(), reader), "client_not_trusted", JSON.stringify(clientId));
  }
  for (const clientId of [undefined, null, ""]) {
    assert.equal(await codeOf(signedIn(), auth({ ...claims, client_id: clientId })), "accepted");
  }
});

Deno.test("a session without the second factor is refused if its user has one", async () => {
  for (const [aal, hasFactor, expected, calls] of [
    ["aal1", true, "mfa_required", 1],
    [undefined, true, "mfa_required", 1],
    ["aal1", false, "confirmed", 1],
    ["aal2", true, "confirmed", 0],
  ] as const) {
    const caller = await identifyCaller(signedIn(), auth({ ...claims, aal }));
    assert.ok(!isFailure(caller));
    const asked: unknown[] = [];
    const confirmed = await requireSecondFactor(caller, {
      rpc: (name, args) => {
        asked.push([name, args]);
        return Promise.resolve({ data: hasFactor, error: null });
      },
    });
    assert.equal(isFailure(confirmed) ? confirmed.code : "confirmed", expected);
    const question = ["has_second_factor", { user_id: userId }];
    assert.deepEqual(asked, Array(calls).fill(question));
  }
});

Deno.test("a request fails while the database does not answer whether the user has a second factor", async () => {
  const caller = await identifyCaller(signedIn(), auth(claims));
  assert.ok(!isFailure(caller));
  for (const answer of [
    { data: null, error: { code: "57014", message: "timeout" } },
    { data: null, error: null },
  ]) {
    const confirmed = await requireSecondFactor(caller, { rpc: () => Promise.resolve(answer) });
    assert.ok(isFailure(confirmed));
    assert.equal(confirmed.code, "internal");
  }
});

Deno.test("a token that Auth refuses or cannot parse is refused", async () => {
  for (const status of [400, 401, 403]) {
    const reader = { getClaims: () => Promise.resolve({ data: null, error: { status } }) };
    assert.equal(await codeOf(signedIn(), reader), "not_authenticated");
  }
  const throwing = { getClaims: () => Promise.reject(new SyntaxError("Unexpected token")) };
  assert.equal(await codeOf(signedIn(), throwing), "not_authenticated");
});

Deno.test("while Auth does not answer, the error is upstream_error, so that nobody is asked to sign in again", async () => {
  for (const status of [undefined, 0, 500, 503]) {
    const reader = { getClaims: () => Promise.resolve({ data: null, error: { status } }) };
    assert.equal(await codeOf(signedIn(), reader), "upstream_error", String(status));
  }
});

Deno.test("the service is recognized by any of its keys, in either header", async () => {
  const keys = ["sb_secret_one", "service.role.token"];
  assert.ok(await isServiceRequest(post({}, { apikey: "sb_secret_one" }), keys));
  assert.ok(await isServiceRequest(post({}, { authorization: "Bearer service.role.token" }), keys));
  assert.ok(!(await isServiceRequest(post({}, { apikey: "sb_secret_two" }), keys)));
  assert.ok(!(await isServiceRequest(post({}, { apikey: "" }), keys)));
  assert.ok(!(await isServiceRequest(post({}), keys)));
  assert.ok(!(await isServiceRequest(post({}, { apikey: "" }), [])));
});

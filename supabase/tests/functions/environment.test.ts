import assert from "node:assert/strict";
import { parseEnvironment } from "../../functions/_shared/supabase/environment.ts";

/** The variables of a function are checked when it starts. */

const hosted = {
  SUPABASE_URL: "https://project.supabase.test",
  SUPABASE_ANON_KEY: "anon",
  SUPABASE_SERVICE_ROLE_KEY: "service",
  SUPABASE_PUBLISHABLE_KEYS: '{"default": "sb_publishable_1"}',
  SUPABASE_SECRET_KEYS: '{"default": "sb_secret_1", "other": "sb_secret_2"}',
};

Deno.test("the newer keys are used if a project has them, and all service keys are recognized", () => {
  const environment = parseEnvironment(hosted);
  assert.equal(environment.publishableKey, "sb_publishable_1");
  assert.equal(environment.secretKey, "sb_secret_1");
  assert.deepEqual(environment.serviceKeys, ["sb_secret_1", "sb_secret_2", "service"]);
});

Deno.test("the older keys are used if a project has no newer ones", () => {
  const older = { ...hosted, SUPABASE_PUBLISHABLE_KEYS: undefined, SUPABASE_SECRET_KEYS: "" };
  const environment = parseEnvironment(older);
  assert.equal(environment.publishableKey, "anon");
  assert.equal(environment.secretKey, "service");
  assert.deepEqual(environment.serviceKeys, ["service"]);
});

Deno.test("without ALLOWED_ORIGINS no page may call", () => {
  assert.equal(parseEnvironment(hosted).allowedOrigins("https://shop.test"), false);
  const open = parseEnvironment({ ...hosted, ALLOWED_ORIGINS: "https://shop.test" });
  assert.equal(open.allowedOrigins("https://shop.test"), true);
});

Deno.test("a missing or invalid variable is named, but not its value", () => {
  const wrong: Array<[Record<string, string | undefined>, RegExp]> = [
    [{ SUPABASE_URL: undefined }, /SUPABASE_URL/],
    [{ SUPABASE_URL: "secret" }, /SUPABASE_URL/],
    [{ SUPABASE_SECRET_KEYS: "secret" }, /SUPABASE_SECRET_KEYS/],
    [{ SUPABASE_SECRET_KEYS: '["secret"]' }, /SUPABASE_SECRET_KEYS/],
    [{ ALLOWED_ORIGINS: "*" }, /ALLOWED_ORIGINS/],
    [{ SUPABASE_SECRET_KEYS: "", SUPABASE_SERVICE_ROLE_KEY: "" }, /SUPABASE_SECRET_KEYS: missing/],
    [
      { SUPABASE_PUBLISHABLE_KEYS: "", SUPABASE_ANON_KEY: "" },
      /SUPABASE_PUBLISHABLE_KEYS: missing/,
    ],
  ];
  for (const [changes, name] of wrong) {
    assert.throws(
      () => parseEnvironment({ ...hosted, ...changes }),
      (error) =>
        error instanceof Error && name.test(error.message) && !/secret\b/.test(error.message),
      JSON.stringify(changes),
    );
  }
});

import { defineConfig } from "vitest/config";

/**
 * The tests that run in Node: the API tests, which find their stack by PINEBASE_STATUS, and the tests
 * of the commands. `npm test` starts that stack and runs them; nothing is cached on disk.
 */
export default defineConfig({
  test: {
    include: ["supabase/tests/api/**/*.test.ts", "supabase/tests/commands/**/*.test.ts"],
    cache: false,
    maxWorkers: "100%",
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});

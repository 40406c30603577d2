import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * The tests that run in Node. `npm test` starts a stack, names its status file in PINEBASE_STATUS for the API and browser
 * tests, and runs them.
 */
export default defineConfig({
  test: {
    cache: false,
    // One more than there are processors, because a test waits for servers half of its time.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["api", "commands", "docker"].map(
            (folder) => `supabase/tests/${folder}/**/*.test.ts`,
          ),
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["supabase/tests/browser/**/*.test.ts"],
          globalSetup: "supabase/tests/support/browser-setup.ts",
        },
      },
    ],
  },
});

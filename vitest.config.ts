import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * The tests that run in Node. The API and browser tests find their stack by PINEBASE_STATUS. `npm test` starts that stack
 * and runs them; nothing is cached on disk.
 */
export default defineConfig({
  test: {
    cache: false,
    // A test waits for servers half of its time.
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

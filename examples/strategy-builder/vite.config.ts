import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const repository = resolve(import.meta.dirname, "../..");

/**
 * The address and the publishable key of the backend. Set both variables for a hosted project, in the environment or
 * in `.env`. Without them the local backend is used: `npm start` writes its values to `.pinebase/status.json`.
 */
function backend(): Record<string, string> {
  const status = resolve(repository, ".pinebase/status.json");
  if (process.env.VITE_SUPABASE_URL || !existsSync(status)) return {};
  const { API_URL, PUBLISHABLE_KEY } = JSON.parse(readFileSync(status, "utf8"));
  return { VITE_SUPABASE_URL: API_URL, VITE_SUPABASE_PUBLISHABLE_KEY: PUBLISHABLE_KEY };
}

export default defineConfig(() => {
  Object.assign(process.env, backend());
  return {
    plugins: [react()],
    // Only needed in this repository. An app installs the package and removes this line.
    resolve: { alias: { pinebase: resolve(repository, "types/index.ts") } },
    // Without strictPort, Vite would silently use another port where 5173 is taken.
    server: { strictPort: true, fs: { allow: [repository] } },
    build: { chunkSizeWarningLimit: 2_000 },
  };
});

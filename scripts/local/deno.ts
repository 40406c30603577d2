import { createRequire } from "node:module";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";

const installerSchema = z.object({
  runInstall: z.custom<() => unknown>((f) => typeof f === "function"),
});

/**
 * The path of the Deno program. The package's launcher would run it as a child and not pass signals on.
 *
 * @throws UserError when the package of this platform is not installed
 */
export function denoPath(): string {
  const require = createRequire(import.meta.url);
  try {
    const installer = installerSchema.parse(require("deno/install_api.cjs"));
    return z.string().parse(installer.runInstall());
  } catch (cause) {
    throw new UserError(
      "The package of Deno, which runs the edge functions, is not installed for this platform.",
      "Run npm ci on this machine, with optional dependencies; a node_modules copied from another system lacks it.",
      { cause },
    );
  }
}

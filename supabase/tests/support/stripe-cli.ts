import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/**
 * Runs `stripe trigger` of Stripe's own command line against a stand-in. Rejects if the stand-in refuses a request.
 *
 * @param home a folder for the command line's settings
 */
export async function triggerStripe(
  url: string,
  home: string,
  event: string,
  ...args: string[]
): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve("@stripe/cli/package.json");
  const cli = join(dirname(manifest), "bin", "shim.js");
  const common = ["--api-base", url, "--api-key", "sk_test_abcdefghijklmnop"];
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: home,
    STRIPE_CLI_TELEMETRY_OPTOUT: "1",
  };
  await promisify(execFile)(process.execPath, [cli, "trigger", event, ...args, ...common], { env });
}

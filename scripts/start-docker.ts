import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { z } from "zod";
import { UserError } from "./lib/user-error.ts";
import { demoEmail, prepareDemoUser } from "./local/demo-user.ts";
import { defaultDataDir } from "./local/paths.ts";
import { loadSecrets } from "./local/secrets.ts";
import { statusSchema, statusTable, writeStatus } from "./local/status.ts";
import { supabase } from "./local/supabase-cli.ts";

const execute = promisify(execFile);

/** The part of `supabase status -o json` that is read here. */
const servicesSchema = statusSchema
  .omit({ DEMO_EMAIL: true, DEMO_PASSWORD: true, STRIPE_WEBHOOK_SECRET: true })
  .partial({ FUNCTIONS_URL: true });

/** `npm run start:docker`: runs the same backend on the real services, by `supabase start`. */
export async function run(): Promise<number> {
  await requireDocker();
  process.stdout.write("Starting Supabase in Docker; the first time downloads its images ...\n");
  const started = await supabase(["start"], { inherit: true });
  if (started.code !== 0) {
    throw new UserError(
      "supabase start failed. Its output is above.",
      "Correct the cause, or use npm start, which needs no Docker.",
    );
  }
  const answer = await supabase(["status", "--output", "json"]);
  const services = servicesSchema.parse(JSON.parse(answer.stdout));

  await mkdir(defaultDataDir, { recursive: true, mode: 0o700 });
  const secrets = await loadSecrets(defaultDataDir);
  await prepareDemoUser(services.DB_URL, secrets, (body) =>
    fetch(`${services.API_URL}/auth/v1/signup`, {
      method: "POST",
      headers: { "content-type": "application/json", apikey: services.PUBLISHABLE_KEY },
      body: JSON.stringify(body),
    }),
  );
  const status = {
    ...services,
    FUNCTIONS_URL: services.FUNCTIONS_URL ?? `${services.API_URL}/functions/v1`,
    DEMO_EMAIL: demoEmail,
    DEMO_PASSWORD: secrets.demoPassword,
    STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
  };
  const file = await writeStatus(defaultDataDir, status);
  process.stdout.write(`${statusTable(status)}\n\nAll of this is in ${file}.\n`);
  process.stdout.write("Stop it with npx supabase stop.\n");
  return 0;
}

async function requireDocker(): Promise<void> {
  try {
    const { stdout } = await execute("docker", ["info", "--format", "{{.ServerVersion}}"], {
      timeout: 10_000,
    });
    z.string().trim().min(1).parse(stdout);
  } catch (cause) {
    throw new UserError(
      "Docker does not answer on this machine.",
      "Start Docker and try again, or use npm start, which needs no Docker.",
      { cause },
    );
  }
}

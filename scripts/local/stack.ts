import { join } from "node:path";
import { UserError } from "../lib/user-error.ts";
import type { Api } from "./api.ts";
import { type Config, loadConfig, withPage } from "./config.ts";
import { prepareFolder } from "./data-folder.ts";
import { demoEmail, prepareDemoUser } from "./demo-user.ts";
import { serveExampleApp } from "./example-app.ts";
import { functionsEnvironment, startFunctions } from "./functions.ts";
import { createGateway } from "./gateway.ts";
import { offerLlmStandIn } from "./llm-provider.ts";
import { standInOperatorKey, startLlmStandIn } from "./llm-stand-in.ts";
import { lockFolder } from "./lock.ts";
import { newLineLog } from "./log-file.ts";
import { openMails } from "./mails.ts";
import { hasPendingMigrations, pushMigrations } from "./migrations.ts";
import { pageOrigins, readAllowedOrigins } from "./page-origins.ts";
import {
  createPlatformDatabase,
  type DefaultPrivileges,
  dropDatabase,
  hasPlatformDatabase,
  preparePlatform,
} from "./platform.ts";
import { openPort, openPortOrFree } from "./port.ts";
import { startPostgres } from "./postgres.ts";
import { loadSecrets, roleToken, type Secrets } from "./secrets.ts";
import { runSeed } from "./seed.ts";
import type { Status } from "./status.ts";
import { startLocalStripe } from "./stripe/local.ts";
import { startSweeps } from "./sweeps.ts";

/** How a stack is started. */
export interface StackOptions {
  /** The folder for all of its data. */
  dir: string;
  /** The port of the gateway; 0 takes a free one. */
  apiPort: number;
  /** The port of Postgres; 0 takes a free one. */
  dbPort: number;
  /** The port of the example app. A free one is taken for 0 or when it is in use. Without it the app is not served. */
  appPort?: number;
  /** Whether a new database grants new objects in public to the API roles. */
  defaultPrivileges: DefaultPrivileges;
  /** The variables of the edge functions beside those that hosted gives. */
  environment: Record<string, string>;
  /** Whether a stand-in for Stripe runs where no STRIPE_SECRET_KEY is set. */
  stripeStandIn?: boolean;
  /** Whether the sweep runs every minute. Tests that count on when it runs leave it off. */
  sweeps?: boolean;
  /** Called with each step of the start. */
  onProgress(step: string): void;
  /** Cancels the start, which then stops what it has started and throws the signal's reason. */
  signal?: AbortSignal;
}

/** A running stack. */
export interface Stack {
  status: Status;
  /** The URL of a database, as the role postgres. */
  databaseUrl(database?: string): string;
  /** The URL of a database, as the superuser, which only the platform has on hosted. */
  adminUrl(database?: string): string;
  /** Makes a database with the platform baseline alone. Returns its URL as the role postgres. */
  createPlatformDatabase(name: string, defaultPrivileges: DefaultPrivileges): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Settles with the name of a part that has ended by itself. */
  failed: Promise<string>;
  /** Stops every part. */
  stop(): Promise<void>;
}

const superuser = "supabase_admin";
const mainDatabase = "postgres";

/** Takes what stops a part that has started. */
type OnStop = (stop: () => Promise<void>) => void;

/**
 * Starts Postgres, Auth, the Data API and the edge functions behind one port, on the data of a folder.
 * A new folder gets the migrations and the seed, an existing one the migrations that it lacks.
 *
 * @throws UserError for what the user can correct; then nothing is left running
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir } = options;
  let config = await loadConfig();
  await prepareFolder(dir);

  const stops: Array<() => Promise<void>> = [];
  const onStop: OnStop = (stop) => void stops.push(stop);
  // Parts stop in the opposite order of their start. One that fails, because the disk is full, does not keep the others.
  const stop = async () => {
    const failures: unknown[] = [];
    for (const stopPart of stops.splice(0).reverse()) {
      await stopPart().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
  const step = (text: string) => {
    options.signal?.throwIfAborted();
    options.onProgress(text);
  };

  try {
    onStop(await lockFolder(dir));
    const gateway = await openPort("API", options.apiPort);
    onStop(gateway.close);
    const app =
      options.appPort === undefined ? null : await openPortOrFree("example app", options.appPort);
    if (app) {
      onStop(app.close);
      config = withPage(config, app.url);
    }
    const secrets = await loadSecrets(dir);

    // It takes longest to load, and does so while Postgres starts.
    const loading = import("./api.ts");
    const { postgres, adminUrl, databaseUrl, urlAs } = await startDatabase(
      options,
      secrets,
      config.db.seed,
      step,
      onStop,
    );

    step("Starting Auth and the Data API");
    const mails = await openMails(dir);
    const { startApi } = await loading;
    const api = await startApi({
      config,
      url: gateway.url,
      jwtSecret: secrets.jwtSecret,
      adminUrl: adminUrl(),
      authenticatorUrl: urlAs("authenticator", secrets.servicePassword),
      authUrl: urlAs("supabase_auth_admin", secrets.servicePassword),
      log: await newLineLog(dir, "api.log"),
      mail: mails.add,
    });
    onStop(api.stop);
    await prepareDemoUser(adminUrl(), secrets, signUp(api));

    step("Starting the edge functions");
    const llm = await startLlmStandIn();
    onStop(llm.close);
    await offerLlmStandIn(databaseUrl(), llm.url);
    const status = statusOf(gateway.url, databaseUrl(), secrets, app?.url);
    const environment = await functionsEnvironment(hostedVariables(status), {
      STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
      ALLOWED_ORIGINS: pageOrigins(config.auth),
      LLM_ALLOW_LOOPBACK: "true",
      LLM_KEY_LOCAL: standInOperatorKey,
      ...options.environment,
    });
    // `stripe listen` has its own secret, which the caller's environment or .env may hold.
    status.STRIPE_WEBHOOK_SECRET = environment.STRIPE_WEBHOOK_SECRET ?? "";
    const stripe =
      options.stripeStandIn && !environment.STRIPE_SECRET_KEY
        ? await startLocalStripe(dir, databaseUrl())
        : null;
    if (stripe) {
      onStop(stripe.stop);
      Object.assign(environment, stripe.variables);
      status.STRIPE_API_BASE = stripe.variables.STRIPE_API_BASE;
    }
    const functions = await startFunctions({
      dir,
      environment,
      onFetch: () => step("Fetching what the edge functions import"),
    });
    onStop(functions.stop);
    options.signal?.throwIfAborted();
    gateway.serve(
      createGateway({
        api,
        functionsUrl: functions.url,
        functions: config.functions,
        mails: mails.show,
        isAllowedOrigin: readAllowedOrigins(environment),
        keys: {
          publishable: status.PUBLISHABLE_KEY,
          secret: status.SECRET_KEY,
          anonToken: status.ANON_KEY,
          serviceToken: status.SERVICE_ROLE_KEY,
          jwtSecret: status.JWT_SECRET,
        },
      }),
    );
    if ("health" in config.functions) {
      step("Checking the edge functions");
      await checkHealth(status.FUNCTIONS_URL, options);
    }

    // While one webhook secret replaces another there are two, and either is accepted.
    const [secret = ""] = status.STRIPE_WEBHOOK_SECRET.split(",");
    stripe?.deliverTo({ url: `${status.FUNCTIONS_URL}/stripe-webhook`, secret: secret.trim() });
    if (options.sweeps) {
      onStop(startSweeps(databaseUrl(), await newLineLog(dir, "sweep.log")));
    }
    app?.serve(
      serveExampleApp(join(dir, "app"), {
        url: gateway.url,
        publishableKey: status.PUBLISHABLE_KEY,
      }),
    );

    return {
      status,
      databaseUrl,
      adminUrl,
      createPlatformDatabase: async (name, defaultPrivileges) => {
        await createPlatformDatabase(adminUrl, name, defaultPrivileges);
        return databaseUrl(name);
      },
      dropDatabase: (name) => dropDatabase(adminUrl, name),
      failed: Promise.race([
        postgres.ended.then(() => "Postgres"),
        functions.ended.then(() => "the edge functions"),
      ]),
      stop,
    };
  } catch (error) {
    // The reason of the failed start matters more than a failure to stop.
    await stop().catch(() => {});
    throw error;
  }
}

/** Starts Postgres and brings its database up to date: platform baseline, migrations and seed. */
async function startDatabase(
  { dir, dbPort, defaultPrivileges }: StackOptions,
  secrets: Secrets,
  seed: Config["db"]["seed"],
  step: (text: string) => void,
  onStop: OnStop,
) {
  step("Starting Postgres");
  const admin = { superuser, password: secrets.superuserPassword };
  const postgres = await startPostgres({ ...admin, dir, port: dbPort });
  onStop(postgres.stop);
  const urlAs = (role: string, password: string, database = mainDatabase) =>
    `postgresql://${role}:${password}@127.0.0.1:${postgres.port}/${database}?sslmode=disable`;
  const adminUrl = (database?: string) => urlAs(superuser, secrets.superuserPassword, database);
  const databaseUrl = (database?: string) => urlAs("postgres", secrets.databasePassword, database);

  await preparePlatform(adminUrl, secrets);
  if (!(await hasPlatformDatabase(adminUrl, mainDatabase))) {
    step("Creating the database");
    await createPlatformDatabase(adminUrl, mainDatabase, defaultPrivileges);
  }
  if (await hasPendingMigrations(databaseUrl())) {
    step("Applying migrations");
    await pushMigrations(databaseUrl());
  }
  await runSeed(databaseUrl(), seed);
  return { postgres, adminUrl, databaseUrl, urlAs };
}

function statusOf(
  url: string,
  databaseUrl: string,
  secrets: Secrets,
  appUrl: string | undefined,
): Status {
  return {
    API_URL: url,
    MAIL_URL: `${url}/mails`,
    DB_URL: databaseUrl,
    FUNCTIONS_URL: `${url}/functions/v1`,
    PUBLISHABLE_KEY: secrets.publishableKey,
    SECRET_KEY: secrets.secretKey,
    JWT_SECRET: secrets.jwtSecret,
    ANON_KEY: roleToken(secrets, "anon"),
    SERVICE_ROLE_KEY: roleToken(secrets, "service_role"),
    DEMO_EMAIL: demoEmail,
    DEMO_PASSWORD: secrets.demoPassword,
    STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
    ...(appUrl ? { APP_URL: appUrl } : {}),
  };
}

/**
 * Calls the function `health`, which makes a query to the database.
 *
 * @throws UserError when it does not answer that all is well
 */
async function checkHealth(functionsUrl: string, { dir, signal }: StackOptions): Promise<void> {
  const late = AbortSignal.timeout(120_000);
  const giveUp = signal ? AbortSignal.any([signal, late]) : late;
  let reason: string;
  try {
    const answer = await fetch(`${functionsUrl}/health`, { signal: giveUp });
    if (answer.ok) return;
    reason = await answer.text();
  } catch (error) {
    signal?.throwIfAborted();
    reason = error instanceof Error ? error.message : String(error);
  }
  throw new UserError(
    `The edge functions do not work: ${reason}`,
    `Their output is in ${join(dir, "functions.log")}.`,
  );
}

/** The variables that hosted gives every function. */
function hostedVariables(status: Status): Record<string, string> {
  return {
    SUPABASE_URL: status.API_URL,
    SUPABASE_ANON_KEY: status.ANON_KEY,
    SUPABASE_SERVICE_ROLE_KEY: status.SERVICE_ROLE_KEY,
    SUPABASE_DB_URL: status.DB_URL,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: status.PUBLISHABLE_KEY }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: status.SECRET_KEY }),
  };
}

function signUp(api: Api) {
  return (body: object) =>
    api.auth(
      new Request("http://127.0.0.1/auth/v1/signup", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
}

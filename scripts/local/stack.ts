import { join } from "node:path";
import { UserError } from "../lib/user-error.ts";
import type { Api } from "./api.ts";
import { loadConfig, withPage } from "./config.ts";
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
import { startPostgres, superuserUrl } from "./postgres.ts";
import { loadSecrets, roleToken } from "./secrets.ts";
import { runSeed } from "./seed.ts";
import type { Status } from "./status.ts";
import { startLocalStripe } from "./stripe/local.ts";
import { startSweeps } from "./sweeps.ts";

/** How a stack is to be. */
export interface StackOptions {
  /** The folder for everything that it keeps. */
  dir: string;
  /** Of the gateway; 0 takes a free one. */
  apiPort: number;
  /** Of Postgres; 0 takes a free one. */
  dbPort: number;
  /** Of the example app, or a free one when that is taken; 0 takes a free one. Without it the app is not served. */
  appPort?: number;
  /** Whether a fresh database grants new objects in public to the API roles. */
  defaultPrivileges: DefaultPrivileges;
  /** What the edge functions see beside hosted's variables. */
  environment: Record<string, string>;
  /** Whether a stand-in for Stripe runs where no STRIPE_SECRET_KEY is set. */
  stripeStandIn?: boolean;
  /** Whether the sweep runs every minute. Tests that count on when it runs leave it off. */
  sweeps?: boolean;
  /** Told what is being done. */
  onProgress(step: string): void;
  /** Gives the start up: it stops what it has started and throws the signal's reason. */
  signal?: AbortSignal;
}

/** A running stack. */
export interface Stack {
  status: Status;
  /** As the role postgres. */
  databaseUrl(database?: string): string;
  /** As the superuser, which hosted keeps to itself. */
  adminUrl(database?: string): string;
  /** Makes a database with the platform baseline alone; gives its URL as the role postgres. */
  createPlatformDatabase(name: string, defaultPrivileges: DefaultPrivileges): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Settles with the name of a part that ended by itself. */
  failed: Promise<string>;
  /** Stops every part. */
  stop(): Promise<void>;
}

const superuser = "supabase_admin";
const mainDatabase = "postgres";

/**
 * Starts Postgres, Auth, the Data API and the edge functions behind one port, on the data of a folder.
 * A new folder gets the migrations and the seed; a known one the migrations it lacks.
 *
 * @throws UserError for what the person at the terminal can fix; nothing is left running then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  let config = await loadConfig();
  await prepareFolder(options.dir);

  // What was started is stopped in the opposite order, after a failure as after a good run.
  const cleanups: Array<() => Promise<void>> = [];
  // One that fails, because the disk is full, keeps none of the others from it.
  const stop = async () => {
    const failures: unknown[] = [];
    for (const cleanup of cleanups.splice(0).reverse()) {
      await cleanup().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
  const step = (text: string) => {
    options.signal?.throwIfAborted();
    options.onProgress(text);
  };

  try {
    cleanups.push(await lockFolder(options.dir));
    const door = await openPort("API", options.apiPort);
    cleanups.push(door.close);
    const app =
      options.appPort === undefined ? null : await openPortOrFree("example app", options.appPort);
    if (app) {
      cleanups.push(app.close);
      config = withPage(config, app.url);
    }
    const secrets = await loadSecrets(options.dir);

    // The largest part to load: it does so while Postgres starts.
    const loading = import("./api.ts");
    step("Starting Postgres");
    const admin = { superuser, password: secrets.superuserPassword };
    const postgres = await startPostgres({ ...admin, dir: options.dir, port: options.dbPort });
    cleanups.push(postgres.stop);
    const adminUrl = (database = mainDatabase) =>
      superuserUrl({ ...admin, port: postgres.port }, database);
    const urlAs = (role: string, password: string, database = mainDatabase) =>
      `postgresql://${role}:${password}@127.0.0.1:${postgres.port}/${database}?sslmode=disable`;
    const databaseUrl = (database?: string) =>
      urlAs("postgres", secrets.databasePassword, database);

    await preparePlatform(adminUrl, secrets);
    if (!(await hasPlatformDatabase(adminUrl, mainDatabase))) {
      step("Creating the database");
      await createPlatformDatabase(adminUrl, mainDatabase, options.defaultPrivileges);
    }
    if (await hasPendingMigrations(databaseUrl())) {
      step("Applying migrations");
      await pushMigrations(databaseUrl());
    }
    await runSeed(databaseUrl(), config.db.seed);

    step("Starting Auth and the Data API");
    const mails = await openMails(options.dir);
    const { url } = door;
    const { startApi } = await loading;
    const api = await startApi({
      config,
      url,
      jwtSecret: secrets.jwtSecret,
      adminUrl: adminUrl(),
      authenticatorUrl: urlAs("authenticator", secrets.servicePassword),
      authUrl: urlAs("supabase_auth_admin", secrets.servicePassword),
      log: await newLineLog(options.dir, "api.log"),
      mail: mails.add,
    });
    cleanups.push(api.stop);
    await prepareDemoUser(adminUrl(), secrets, signUp(api));

    step("Starting the edge functions");
    const llm = await startLlmStandIn();
    cleanups.push(llm.close);
    await offerLlmStandIn(databaseUrl(), llm.url);
    const status: Status = {
      API_URL: url,
      MAIL_URL: `${url}/mails`,
      DB_URL: databaseUrl(),
      FUNCTIONS_URL: `${url}/functions/v1`,
      PUBLISHABLE_KEY: secrets.publishableKey,
      SECRET_KEY: secrets.secretKey,
      JWT_SECRET: secrets.jwtSecret,
      ANON_KEY: roleToken(secrets, "anon"),
      SERVICE_ROLE_KEY: roleToken(secrets, "service_role"),
      DEMO_EMAIL: demoEmail,
      DEMO_PASSWORD: secrets.demoPassword,
      STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
      ...(app ? { APP_URL: app.url } : {}),
    };
    const environment = await functionsEnvironment(hostedVariables(status), {
      STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
      ALLOWED_ORIGINS: pageOrigins(config.auth),
      LLM_ALLOW_LOOPBACK: "true",
      LLM_KEY_LOCAL: standInOperatorKey,
      ...options.environment,
    });
    let startDeliveries = () => {};
    if (options.stripeStandIn && !environment.STRIPE_SECRET_KEY) {
      const stripe = await startLocalStripe(options.dir, databaseUrl());
      cleanups.push(stripe.stop);
      Object.assign(environment, stripe.variables);
      status.STRIPE_API_BASE = stripe.variables.STRIPE_API_BASE;
      // Of two secrets, while one replaces the other, either does.
      const [secret = ""] = (environment.STRIPE_WEBHOOK_SECRET ?? "").split(",");
      startDeliveries = () =>
        stripe.deliverTo({ url: `${status.FUNCTIONS_URL}/stripe-webhook`, secret: secret.trim() });
    }
    // `stripe listen` has a secret of its own, which the caller's environment or .env may hold.
    status.STRIPE_WEBHOOK_SECRET = environment.STRIPE_WEBHOOK_SECRET ?? "";
    const functions = await startFunctions({
      dir: options.dir,
      environment,
      onFetch: () => step("Fetching what the edge functions import"),
    });
    cleanups.push(functions.stop);
    options.signal?.throwIfAborted();
    door.serve(
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
      step("Asking the edge functions whether they are well");
      await askHealth(status.FUNCTIONS_URL, options);
    }
    startDeliveries();
    if (options.sweeps) {
      const log = await newLineLog(options.dir, "sweep.log");
      cleanups.push(startSweeps(databaseUrl(), log));
    }

    app?.serve(
      serveExampleApp(join(options.dir, "app"), {
        url,
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
    // Why the start failed is what is told.
    await stop().catch(() => {});
    throw error;
  }
}

/**
 * Asks the function that looks at the database and back.
 *
 * @throws UserError when it does not answer that all is well
 */
async function askHealth(functionsUrl: string, { dir, signal }: StackOptions): Promise<void> {
  const late = AbortSignal.timeout(120_000);
  const giveUp = signal ? AbortSignal.any([signal, late]) : late;
  let said: string;
  try {
    const answer = await fetch(`${functionsUrl}/health`, { signal: giveUp });
    if (answer.ok) return;
    said = await answer.text();
  } catch (error) {
    signal?.throwIfAborted();
    said = error instanceof Error ? error.message : String(error);
  }
  throw new UserError(
    `The edge functions do not work: ${said}`,
    `What they said is in ${join(dir, "functions.log")}.`,
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

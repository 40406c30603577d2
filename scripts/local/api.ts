import { App, type EmailDriver, type HonoContext } from "@supabase/lite";
import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import type { MiddlewareHandler } from "hono";
import postgres from "postgres";
import { z } from "zod";
import type { Config } from "./config.ts";
import { withLog } from "./quiet.ts";

/** Auth and the Data API, without a port of their own. */
export interface Api {
  /** Answers a request to /rest/v1. */
  rest(request: Request): Promise<Response>;
  /** Answers a request to /auth/v1. */
  auth(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

/** The part of a request's context that names its role. */
const requestSchema = z
  .object({ auth: z.object({ role: z.string().catch("anon") }) })
  .catch({ auth: { role: "anon" } });

/** What they work on. */
export interface ApiOptions {
  config: Config;
  jwtSecret: string;
  /** The superuser, which reads the schema and nothing else. */
  adminUrl: string;
  /** The role authenticator, which becomes the role of each request. */
  authenticatorUrl: string;
  /** The role supabase_auth_admin, which owns the auth tables. */
  authUrl: string;
  /** Takes what they report: refused statements, and mails that would have been sent. */
  log(line: string): void;
}

/** Settings that a role carries, applied to each of its requests as PostgREST does. */
type RoleSettings = ReadonlyMap<string, ReadonlyArray<readonly [name: string, value: string]>>;

/**
 * Starts Auth and the Data API by @supabase/lite, each connected as the role that hosted gives it, so that
 * neither can do what it could not do there.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { config, log } = options;
  const reader = connect(options.adminUrl, 1);
  const rest = connect(options.authenticatorUrl, 8, config.api.extra_search_path);
  const auth = connect(options.authUrl, 4);
  const listener = postgres(options.adminUrl, { max: 2, onnotice: () => {} });

  const introspect = readOnce(() => reader.introspect());
  const roleSettings = readOnce(() => readRoleSettings(listener));
  Object.assign(rest, {
    introspect: introspect.get,
    withContext: withRoleSettings(rest, roleSettings.get),
  });
  // Hosted tells PostgREST by this channel that the schema has changed.
  await listener.listen("pgrst", () => {
    introspect.forget();
    roleSettings.forget();
  });

  const shared = {
    db: { migrations: { enabled: false } },
    storage: { enabled: false },
    studio: { enabled: false },
  };
  const restApp = new App({
    ...shared,
    connection: rest,
    api: { enabled: true, schemas: config.api.schemas, max_rows: config.api.max_rows },
    auth: { enabled: true, jwt_secret: options.jwtSecret },
    options: { server: { apiKeys: false, middlewares: [trustToken] } },
  });
  const authApp = new App({
    ...shared,
    connection: auth,
    api: { enabled: false },
    auth: { ...authSettings(config), enabled: true, jwt_secret: options.jwtSecret },
    options: { server: { apiKeys: false }, drivers: { email: mailLog(log) } },
  });

  await introspect.get();
  return {
    rest: (request) => withLog(log, () => restApp.fetch(request)),
    auth: (request) => withLog(log, () => authApp.fetch(request)),
    stop: async () => {
      await Promise.all([reader.close(), rest.close(), auth.close(), listener.end({ timeout: 1 })]);
    },
  };
}

/**
 * @supabase/lite looks the user and the session of each token up in auth's tables. PostgREST does not: it
 * believes a token that is signed and not expired, and the role authenticator may not read those tables.
 * With these two set the look-up is skipped; the claims of the verified token then replace them.
 */
const trustToken: MiddlewareHandler<HonoContext> = async (context, next) => {
  context.set("userId", "unchecked");
  context.set("sessionId", "unchecked");
  await next();
};

function connect(url: string, max: number, searchPath?: string[]): PostgresConnection {
  const connection = createPostgresConnection({
    url,
    postgresOptions: {
      max,
      onnotice: () => {},
      ...(searchPath ? { connection: { search_path: searchPath.join(", ") } } : {}),
      types: {
        // PostgREST lets Postgres write the JSON: ISO 8601 with a full offset, and bare numbers.
        timestamptz: textType(1184, isoTimestamp),
        timestamp: textType(1114, isoTimestamp),
        numeric: textType(1700, asNumber),
      },
    },
  });
  // Otherwise its first request grants everything on every table to the API roles.
  return Object.assign(connection, { rlsState: "active" });
}

/** Auth's settings under the names of @supabase/lite, which are those of config.toml but for one. */
function authSettings(config: Config) {
  const { enabled, ...email } = config.auth.email;
  return { ...config.auth, email: { ...email, enable_signup: enabled } };
}

function textType(oid: number, parse: (value: string) => unknown) {
  return { to: oid, from: [oid], serialize: (value: unknown) => String(value), parse };
}

/** 2026-11-22 09:38:00.123+00 becomes 2026-11-22T09:38:00.123+00:00. */
function isoTimestamp(value: string): string {
  return value.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}

function asNumber(value: string): number | string {
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

function readOnce<T>(read: () => Promise<T>) {
  let value: Promise<T> | null = null;
  return {
    get: () => {
      value ??= read();
      return value;
    },
    forget: () => {
      value = null;
    },
  };
}

async function readRoleSettings(sql: postgres.Sql): Promise<RoleSettings> {
  const rows = await sql<{ role: string; settings: string[] }[]>`
    select rolname as role, rolconfig as settings
    from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role') and rolconfig is not null
  `;
  return new Map(
    rows.map(({ role, settings }) => [
      role,
      settings.map((setting) => {
        const equals = setting.indexOf("=");
        return [setting.slice(0, equals), setting.slice(equals + 1)] as const;
      }),
    ]),
  );
}

/** The settings of a role are applied when it signs in; these roles never do, so PostgREST does it. */
function withRoleSettings(connection: PostgresConnection, settings: () => Promise<RoleSettings>) {
  const original = connection.withContext.bind(connection);
  const withContext: typeof connection.withContext = async (vars, work, options) => {
    const ofRole = (await settings()).get(requestSchema.parse(vars).auth.role) ?? [];
    return original(
      vars,
      async (db) => {
        for (const [name, value] of ofRole) {
          await db
            .selectNoFrom((eb) =>
              eb.fn("set_config", [eb.val(name), eb.val(value), eb.lit(true)]).as("set"),
            )
            .execute();
        }
        return work(db);
      },
      options,
    );
  };
  return withContext;
}

function mailLog(log: (line: string) => void): EmailDriver {
  return {
    send: async ({ to, subject, text: body }) => {
      log(`mail to ${to}: ${subject}\n${body ?? ""}`);
    },
  };
}

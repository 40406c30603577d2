import { AsyncLocalStorage } from "node:async_hooks";
import { App, type EmailDriver, type ServerOptions } from "@supabase/lite";
import type { PostgresConnection } from "@supabase/lite/postgres";
import postgres from "postgres";
import type { Config } from "./config.ts";
import { connectLite, jsonAsText } from "./lite-connection.ts";
import type { Mail } from "./mails.ts";
import { withPostgrestStatus } from "./postgrest-errors.ts";
import { withLog } from "./quiet.ts";
import { readRoleSettings, withRoleSettings } from "./role-settings.ts";

/** Auth and the Data API. They have no port; the gateway calls them. */
export interface Api {
  /** Answers a request to /rest/v1. */
  rest(request: Request): Promise<Response>;
  /** Answers a request to /auth/v1. */
  auth(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

/** How they are started. */
export interface ApiOptions {
  config: Config;
  /** The address of the gateway, to which links in mails lead. */
  url: string;
  jwtSecret: string;
  /** As the superuser, which only reads the schema. */
  adminUrl: string;
  /** As the role authenticator, which changes to the role of each request. */
  authenticatorUrl: string;
  /** As the role supabase_auth_admin, which owns the auth tables. */
  authUrl: string;
  /** Takes what they report, such as statements that Postgres refused. */
  log(line: string): void;
  /** Takes the mails that hosted would send. */
  mail(mail: Mail): void;
}

/** The parts of @supabase/lite that neither service needs. */
const without = {
  db: { migrations: { enabled: false } },
  storage: { enabled: false },
  studio: { enabled: false },
};

/**
 * Starts Auth and the Data API by @supabase/lite. Each is connected as the role that hosted gives it, so that what it
 * could not do there fails here too.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { config, log } = options;
  const reader = connectLite(options.adminUrl, { max: 1 });
  const listener = postgres(options.adminUrl, { max: 1, onnotice: () => {} });
  const schema = readOnce(() => reader.introspect());
  const roleSettings = readOnce(() => readRoleSettings(listener));

  const asAuthenticator = {
    max: 8,
    connection: { search_path: config.api.extra_search_path.join(", ") },
  };
  // For an argument of a function @supabase/lite passes JSON as text, for a column as a value: two connections.
  const tables = connectLite(options.authenticatorUrl, asAuthenticator);
  const functions = connectLite(options.authenticatorUrl, {
    ...asAuthenticator,
    types: jsonAsText,
  });
  const dataApi = (connection: PostgresConnection) => {
    Object.assign(connection, {
      // The role authenticator cannot see columns, so the superuser reads the schema once for both.
      introspect: schema.get,
      withContext: withRoleSettings(connection, roleSettings.get),
      normalizeDbError: withPostgrestStatus,
    });
    return new App({
      ...without,
      connection,
      api: { enabled: true, schemas: config.api.schemas, max_rows: config.api.max_rows },
      auth: { enabled: true, jwt_secret: options.jwtSecret },
      options: { server: { apiKeys: false, middlewares: [trustToken] } },
    });
  };
  const tablesApp = dataApi(tables);
  const functionsApp = dataApi(functions);

  const auth = connectLite(options.authUrl, { max: 4, types: jsonAsText });
  const authApp = new App({
    ...without,
    connection: auth,
    api: { enabled: false },
    auth: { ...authSettings(config), enabled: true, jwt_secret: options.jwtSecret },
    options: { server: { apiKeys: false }, drivers: { email: mailTo(options) } },
  });

  // Hosted notifies PostgREST of a changed schema on this channel.
  await listener.listen("pgrst", () => {
    schema.forget();
    roleSettings.forget();
  });
  await schema.get();

  const isRpc = (request: Request) => new URL(request.url).pathname.startsWith("/rest/v1/rpc/");
  return {
    rest: (request) => {
      const app = isRpc(request) ? functionsApp : tablesApp;
      return withLog(log, () => app.fetch(request));
    },
    auth: async (request) => {
      const redirectTo = await allowedRedirect(request, authApp);
      return redirects.run(redirectTo, () => withLog(log, () => authApp.fetch(request)));
    },
    stop: async () => {
      const connections = [reader, tables, functions, auth];
      await Promise.all([
        ...connections.map((connection) => connection.close()),
        listener.end({ timeout: 1 }),
      ]);
    },
  };
}

/**
 * Makes the Data API accept a token that is signed and not expired, as PostgREST does. @supabase/lite would look up the
 * user and the session in auth's tables, which the role authenticator may not read. With these two values set it skips
 * that; the claims of the verified token then replace them.
 */
const trustToken: NonNullable<ServerOptions["middlewares"]>[number] = async (context, next) => {
  context.set("userId", "unchecked");
  context.set("sessionId", "unchecked");
  await next();
};

/** Auth's settings under the names of @supabase/lite, of which one differs from config.toml. */
function authSettings(config: Config) {
  const { enabled, ...email } = config.auth.email;
  return { ...config.auth, email: { ...email, enable_signup: enabled } };
}

/** The page to which the mail of the current request is to lead. */
const redirects = new AsyncLocalStorage<string | null>();

/**
 * The `redirect_to` of a request, if config.toml allows it. @supabase/lite checks that rule only when a link of a mail is
 * opened, and drops the parameter when it writes a mail. So this opens a link without a valid token and reads where it
 * redirects to.
 */
async function allowedRedirect(request: Request, auth: App): Promise<string | null> {
  const wanted = new URL(request.url).searchParams.get("redirect_to");
  if (request.method === "GET" || wanted === null) return null;
  const link = new URL("/auth/v1/verify?type=recovery&token=none", request.url);
  link.searchParams.set("redirect_to", wanted);
  const answer = await auth.fetch(new Request(link));
  const [page = ""] = (answer.headers.get("location") ?? "").split("#");
  return page || null;
}

/** Stores each mail for the page that shows them, with its links made to lead to the gateway. */
function mailTo({ config, url, mail }: ApiOptions): EmailDriver {
  const begin = `${config.auth.site_url.replace(/\/$/, "")}/auth/v1/verify?`;
  const toGateway = (link: string) => {
    const own = new URL(link.replace(begin, `${url}/auth/v1/verify?`));
    const page = redirects.getStore();
    if (page) own.searchParams.set("redirect_to", page);
    return own.href;
  };
  return {
    send: async ({ to, subject, text = "" }) => {
      const body = text.replaceAll(/https?:\/\/\S+/g, (link) =>
        link.startsWith(begin) ? toGateway(link) : link,
      );
      mail({ to: String(to), subject, text: body });
    },
  };
}

function readOnce<T>(read: () => Promise<T>) {
  let value: Promise<T> | null = null;
  const forget = () => {
    value = null;
  };
  const get = () => {
    if (!value) {
      value = read();
      value.catch(forget);
    }
    return value;
  };
  return { get, forget };
}

import { z } from "zod";
import { rpcs, tables } from "./expectations.ts";

/** The project that is looked at. */
export interface Target {
  /** Without a slash at the end. */
  url: string;
  /** The publishable key: what every page of the app has. */
  key: string;
  /** The functions and whether the platform checks a token before them, as config.toml says. */
  functions: Readonly<Record<string, { verify_jwt: boolean }>>;
}

/** The finding of a function that nobody has set up here: a project without PayPal or Stripe is no fault. */
export const notConfigured = { skipped: "not configured" } as const;

/** One thing that must hold. */
export interface Check {
  name: string;
  /** Gives what is wrong, or null. */
  run(): Promise<string | typeof notConfigured | null>;
}

/** What an answer says, of all that can come back. */
interface Answer {
  status: number;
  /** The error's code: Postgres's, PostgREST's or one of our functions'. */
  code: string | null;
  /** Whether one of our functions wrote it, and not the platform before it. */
  isOurs: boolean;
  text: string;
}

const bodySchema = z.object({
  code: z.union([z.string(), z.number()]).nullish(),
  error: z.object({ code: z.string() }).optional().catch(undefined),
  status: z.string().optional().catch(undefined),
});

/**
 * What a deployed project is asked, from outside and with the publishable key alone. Nothing is written: what
 * could write is refused before it runs.
 */
export function checksOf(target: Target): Check[] {
  return [
    ...Object.entries(tables).map(([name, expected]) => tableCheck(target, name, expected)),
    ...Object.entries(rpcs).map(([name, { required, visitor }]) =>
      rpcCheck(target, name, required, visitor),
    ),
    privateCheck(target),
    ...Object.entries(target.functions).flatMap(([name, { verify_jwt }]) =>
      functionChecks(target, name, verify_jwt),
    ),
  ];
}

/** Of these a visitor may not read every column. */
const columns: Readonly<Record<string, string>> = { prices: "id" };

function tableCheck(target: Target, name: string, expected: "readable" | "refused"): Check {
  const says = expected === "readable" ? "a visitor reads" : "a visitor is refused";
  return {
    name: `table ${name}: ${says}`,
    run: async () => {
      const answer = await ask(target, `/rest/v1/${name}?select=${columns[name] ?? "*"}&limit=1`);
      const isRefused = answer.code === "42501";
      return (expected === "readable" ? answer.status === 200 : isRefused) ? null : unlike(answer);
    },
  };
}

function rpcCheck(
  target: Target,
  name: string,
  required: readonly string[],
  visitor: "may call" | "refused",
): Check {
  return {
    name: `rpc ${name}: a visitor ${visitor === "refused" ? "is refused" : visitor}`,
    run: async () => {
      const body = JSON.stringify(Object.fromEntries(required.map((argument) => [argument, null])));
      const answer = await ask(target, `/rest/v1/rpc/${name}`, { method: "POST", body });
      const isRefused = answer.code === "42501";
      // With nulls for what it requires, a function that runs answers with data or an error of its own.
      const hasRun = answer.status === 200 || answer.code?.startsWith("PT") === true;
      return (visitor === "refused" ? isRefused : hasRun) ? null : unlike(answer);
    },
  };
}

function privateCheck(target: Target): Check {
  return {
    name: "schema private: not exposed",
    run: async () => {
      const headers = { "accept-profile": "private" };
      const answer = await ask(target, "/rest/v1/error_codes?select=*&limit=1", { headers });
      return answer.code === "PGRST106" || answer.code === "42501" ? null : unlike(answer);
    },
  };
}

/** Signed a long time ago with nothing. */
const badSignature = { "stripe-signature": "t=1,v1=00" };

function functionChecks(target: Target, name: string, verifyJwt: boolean): Check[] {
  const path = `/functions/v1/${name}`;
  const withoutToken: Check = {
    name: `function ${name}: ${verifyJwt ? "asks for a token" : "is called without a token"}`,
    run: async () => {
      const answer = await ask(target, path, { method: "POST", body: "{}" }, "no key");
      const isAsWanted = verifyJwt ? answer.status === 401 && !answer.isOurs : answer.isOurs;
      return isAsWanted ? null : unlike(answer);
    },
  };
  if (name === "health") {
    const run = async () => {
      const answer = await ask(target, path, {}, "no key");
      return answer.status === 200 ? null : unlike(answer);
    };
    return [{ name: "function health: the database answers", run }];
  }
  if (name.endsWith("-webhook")) {
    const run = async () => {
      const post = { method: "POST", body: "{}", headers: badSignature };
      const answer = await ask(target, path, post, "no key");
      if (answer.code === "not_configured") return notConfigured;
      return answer.status === 400 && answer.code === "invalid_signature" ? null : unlike(answer);
    };
    return [withoutToken, { name: `function ${name}: 400 to a bad signature`, run }];
  }
  const run = async () => {
    const answer = await ask(target, path, { method: "POST", body: "{}" });
    return answer.status === 401 ? null : unlike(answer);
  };
  return [withoutToken, { name: `function ${name}: a visitor is refused`, run }];
}

async function ask(
  target: Target,
  path: string,
  request: { method?: string; body?: string; headers?: Record<string, string> } = {},
  key: "key" | "no key" = "key",
): Promise<Answer> {
  const headers = {
    "content-type": "application/json",
    ...(key === "key" ? { apikey: target.key, authorization: `Bearer ${target.key}` } : {}),
    ...request.headers,
  };
  try {
    const signal = AbortSignal.timeout(30_000);
    const response = await fetch(`${target.url}${path}`, { ...request, headers, signal });
    const text = await response.text();
    const body = parseBody(text);
    return {
      status: response.status,
      code: body?.error?.code ?? (body?.code == null ? null : String(body.code)),
      isOurs: body?.error !== undefined || (response.ok && body !== null),
      text,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const text = cause instanceof Error ? cause.message : String(cause);
    return { status: 0, code: null, isOurs: false, text };
  }
}

function parseBody(text: string): z.infer<typeof bodySchema> | null {
  try {
    return bodySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function unlike({ status, text }: Answer): string {
  const said = text.replace(/\s+/g, " ").slice(0, 160);
  return status === 0 ? `no answer: ${said}` : `answered ${status} ${said}`;
}

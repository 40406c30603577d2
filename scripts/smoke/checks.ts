import { z } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { rpcs, tables } from "./expectations.ts";

/** The project that is checked. */
export interface Target {
  /** Without a slash at the end. */
  url: string;
  /** The publishable key, which every page of the app has. */
  key: string;
  /** The functions of config.toml, and whether the platform requires a token for each. */
  functions: Readonly<Record<string, { verify_jwt: boolean }>>;
}

/** The finding of a function that is not set up, which is not a fault: a project may have no PayPal or Stripe. */
export const notConfigured = { skipped: "not configured" } as const;

/** One thing that must hold. */
export interface Check {
  name: string;
  /** Returns what is wrong, or null. */
  run(): Promise<string | typeof notConfigured | null>;
}

/** The parts of an answer that the checks compare. */
interface Answer {
  status: number;
  /** The error's code: of Postgres, PostgREST or one of our functions. */
  code: string | null;
  /** Whether one of our functions has answered, and not the platform in its place. */
  isOurs: boolean;
  text: string;
}

const bodySchema = z.object({
  code: z.union([z.string(), z.number()]).nullish(),
  error: z.object({ code: z.string() }).optional().catch(undefined),
  status: z.string().optional().catch(undefined),
});

/**
 * The checks of a deployed project, from outside and with the publishable key alone. They write nothing: a request that
 * could write is refused before it is executed.
 */
export function checksOf(target: Target): Check[] {
  return [
    ...Object.entries(tables).map(([name, readable]) => tableCheck(target, name, readable)),
    ...Object.entries(rpcs).map(([name, { required, visitor }]) =>
      rpcCheck(target, name, required, visitor),
    ),
    privateCheck(target),
    ...Object.entries(target.functions).flatMap(([name, { verify_jwt }]) =>
      functionChecks(target, name, verify_jwt),
    ),
  ];
}

function tableCheck(target: Target, name: string, readable: "*" | readonly string[] | null): Check {
  const rule = readable === null ? "a visitor is refused" : "a visitor reads";
  return {
    name: `table ${name}: ${rule}`,
    run: async () => {
      const answer = await send(target, `/rest/v1/${name}?select=${readable ?? "*"}&limit=1`);
      const isRefused = answer.code === "42501";
      return (readable === null ? isRefused : answer.status === 200) ? null : described(answer);
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
      const answer = await send(target, `/rest/v1/rpc/${name}`, { method: "POST", body });
      const isRefused = answer.code === "42501";
      // Called with null for each required argument, a function answers with data or with its own error.
      const hasRun = answer.status === 200 || answer.code?.startsWith("PT") === true;
      return (visitor === "refused" ? isRefused : hasRun) ? null : described(answer);
    },
  };
}

function privateCheck(target: Target): Check {
  return {
    name: "schema private: not exposed",
    run: async () => {
      const headers = { "accept-profile": "private" };
      const answer = await send(target, "/rest/v1/error_codes?select=*&limit=1", { headers });
      return answer.code === "PGRST106" || answer.code === "42501" ? null : described(answer);
    },
  };
}

/** A signature that is too old and wrong. */
const badSignature = { "stripe-signature": "t=1,v1=00" };

function functionChecks(target: Target, name: string, verifyJwt: boolean): Check[] {
  const path = `/functions/v1/${name}`;
  const withoutToken: Check = {
    name: `function ${name}: ${verifyJwt ? "asks for a token" : "is called without a token"}`,
    run: async () => {
      const answer = await send(target, path, { method: "POST", body: "{}" }, "no key");
      const isExpected = verifyJwt ? answer.status === 401 && !answer.isOurs : answer.isOurs;
      return isExpected ? null : described(answer);
    },
  };
  if (name === "health") {
    const run = async () => {
      const answer = await send(target, path, {}, "no key");
      return answer.status === 200 ? null : described(answer);
    };
    return [{ name: "function health: the database answers", run }];
  }
  if (name.endsWith("-webhook")) {
    const run = async () => {
      const post = { method: "POST", body: "{}", headers: badSignature };
      const answer = await send(target, path, post, "no key");
      if (answer.code === "not_configured") return notConfigured;
      return answer.status === 400 && answer.code === "invalid_signature"
        ? null
        : described(answer);
    };
    return [withoutToken, { name: `function ${name}: 400 to a bad signature`, run }];
  }
  const run = async () => {
    const answer = await send(target, path, { method: "POST", body: "{}" });
    return answer.status === 401 ? null : described(answer);
  };
  return [withoutToken, { name: `function ${name}: a visitor is refused`, run }];
}

async function send(
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
    const body = parseJson(text, bodySchema);
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

function described({ status, text }: Answer): string {
  const start = text.replace(/\s+/g, " ").slice(0, 160);
  return status === 0 ? `no answer: ${start}` : `answered ${status} ${start}`;
}

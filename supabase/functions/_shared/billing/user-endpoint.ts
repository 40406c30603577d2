import type { z } from "zod";
import { readJson } from "../body.ts";
import { type ClaimsReader, identifyCaller } from "../caller.ts";
import type { AllowedOrigins } from "../cors.ts";
import { createEndpoint } from "../endpoint.ts";
import { type Failure, failure, isFailure } from "../failure.ts";
import type { Log } from "../log.ts";
import { parseReturnUrl } from "../return-url.ts";
import type { RpcClient } from "../rpc.ts";
import { countBillingCall } from "./limits.ts";
import type { Provider, Providers } from "./provider.ts";

/** What a function that sends a user to a provider needs from outside. */
export interface BillingDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  providers: Providers;
  allowedOrigins: AllowedOrigins;
  log?: Log | undefined;
}

/** One function of these. */
export interface UrlEndpoint<Body> {
  name: string;
  schema: z.ZodType<Body>;
  /** The fields of the body that are pages to come back to. */
  returnUrls: readonly (keyof Body & string)[];
  /** Gives the URL to send the user to. */
  open(userId: string, body: Body): Promise<string | Failure>;
}

/**
 * Makes the handler of a function that answers `{url}`: it identifies the caller, checks the body and its return URLs,
 * and counts the call.
 */
export function createUrlEndpoint<Body extends object>(
  { auth, service, allowedOrigins, log }: BillingDependencies,
  { name, schema, returnUrls, open }: UrlEndpoint<Body>,
): (request: Request) => Promise<Response> {
  return createEndpoint({
    name,
    methods: ["POST"],
    allowedOrigins,
    log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, schema);
      if (isFailure(body)) return body;
      const pages: Partial<Record<string, string>> = {};
      for (const field of returnUrls) {
        const page = parseReturnUrl(String(body[field]), field, allowedOrigins);
        if (isFailure(page)) return page;
        pages[field] = page;
      }
      const limited = await countBillingCall(service, caller.userId);
      if (limited) return limited;
      const url = await open(caller.userId, { ...body, ...pages });
      return isFailure(url) ? url : Response.json({ url });
    },
  });
}

/** What a provider needs to be set up, in the words of its variables. */
export const variablesOf = {
  stripe: "STRIPE_SECRET_KEY",
  paypal: "PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET",
} as const;

/** The provider that a function works with. */
export function requireProvider(
  providers: Providers,
  name: keyof typeof variablesOf,
): Provider | Failure {
  const missing = variablesOf[name];
  return (
    providers[name] ??
    failure("not_configured", `Payments are not set up here: set ${missing}.`, {
      facts: { variable: missing },
    })
  );
}

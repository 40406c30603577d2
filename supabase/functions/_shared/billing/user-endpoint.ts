import type { z } from "zod";
import { type UserDependencies, user } from "../auth/caller.ts";
import { readJson } from "../http/body.ts";
import { createEndpoint } from "../http/endpoint.ts";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import { countBillingCall } from "./limits.ts";
import type { Provider, Providers } from "./provider.ts";
import { parseReturnUrl } from "./return-url.ts";

/** What a function that sends a user to a provider needs from outside. */
export interface BillingDependencies extends UserDependencies {
  providers: Providers;
}

/** The definition of a function that sends a user to a provider. */
export interface UrlEndpoint<Body> {
  name: string;
  schema: z.ZodType<Body>;
  /** The fields of the body that are URLs to which the provider sends the user back. */
  returnUrls: readonly (keyof Body & string)[];
  /** Returns the URL to send the user to. */
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
    caller: user(auth),
    body: async ({ request }) => {
      const body = await readJson(request, schema);
      if (isFailure(body)) return body;
      const pages: Partial<Record<string, string>> = {};
      for (const field of returnUrls) {
        const page = parseReturnUrl(String(body[field]), field, allowedOrigins);
        if (isFailure(page)) return page;
        pages[field] = page;
      }
      return { ...body, ...pages };
    },
    limit: ({ userId }) => countBillingCall(service, userId),
    handle: async ({ caller, body }) => {
      const url = await open(caller.userId, body);
      return isFailure(url) ? url : { url };
    },
  });
}

/** The variables that set up each provider. */
export const variablesOf = {
  stripe: "STRIPE_SECRET_KEY",
  paypal: "PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET",
} as const;

/** The provider that a function needs, or a failure that names the variable to set. */
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

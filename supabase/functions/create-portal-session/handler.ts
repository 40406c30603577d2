import { readBillingAccount } from "../_shared/billing/account.ts";
import { upstreamFailure } from "../_shared/billing/upstream.ts";
import {
  type BillingDependencies,
  createUrlEndpoint,
  requireProvider,
} from "../_shared/billing/user-endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/http/failure.ts";
import { createPortalSessionRequestSchema } from "../_shared/http/schemas.ts";

/**
 * Opens the page where the user changes or cancels the running subscription, at the provider of that subscription. Send the
 * user to `url`.
 *
 * Errors: `billing_account_not_found`, `invalid_argument` (a URL that is not on an allowed origin).
 */
export function createHandler(
  dependencies: BillingDependencies,
): (request: Request) => Promise<Response> {
  return createUrlEndpoint(dependencies, {
    name: "create-portal-session",
    schema: createPortalSessionRequestSchema,
    returnUrls: ["return_url"],
    open: (userId, { return_url }) => openPortal(dependencies, userId, return_url),
  });
}

async function openPortal(
  { service, providers }: BillingDependencies,
  userId: string,
  returnUrl: string,
): Promise<string | Failure> {
  if (Object.keys(providers).length === 0) return requireProvider({}, "stripe") as Failure;
  const billing = await readBillingAccount(service, userId);
  if (isFailure(billing)) return billing;
  const running = billing.subscriptions.find(
    ({ provider, is_running }) => provider !== "manual" && is_running,
  );
  const customerId = billing.customers.stripe ?? null;
  const hasPaypal = billing.subscriptions.some(({ provider }) => provider === "paypal");
  const isPaypal = running ? running.provider === "paypal" : customerId === null && hasPaypal;
  const provider = requireProvider(providers, isPaypal ? "paypal" : "stripe");
  if (isFailure(provider)) return provider;
  try {
    if (customerId !== null && billing.email !== null) {
      await provider.setEmail(customerId, billing.email);
    }
    const url = await provider.portal({ customerId, returnUrl });
    return (
      url ??
      failure("billing_account_not_found", "You have no subscription to manage. Subscribe first.")
    );
  } catch (error) {
    return upstreamFailure(provider, error);
  }
}

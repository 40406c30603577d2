import { z } from "zod";
import { applyRead } from "../_shared/apply-read.ts";
import { beginCheckout, endCheckout, openCheckout } from "../_shared/begin-checkout.ts";
import { readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { digest } from "../_shared/digest.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import type { Paypal } from "../_shared/paypal.ts";
import { parseReturnUrl } from "../_shared/return-url.ts";
import { callRpc, type RpcClient } from "../_shared/rpc.ts";
import { createPaypalSubscriptionRequestSchema } from "../_shared/schemas.ts";
import { upstreamFailure } from "../_shared/webhook-delivery.ts";

/** What the create-paypal-subscription function needs from outside. */
export interface CreatePaypalSubscriptionDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  /** Null where PayPal is not set up. */
  paypal: Paypal | null;
  /** Closes a session of Stripe; true where it is closed and was not paid. */
  closeStripeSession(id: string): Promise<boolean>;
  allowedOrigins: AllowedOrigins;
  /** Milliseconds since 1970. */
  now?: () => number;
  log?: Log;
}

/** PayPal lets its user approve for three hours. */
const approvalTime = 3 * 60 * 60 * 1000;

interface Approval {
  userId: string;
  planType: string;
  returnUrl: string;
  cancelUrl: string;
}

/** Makes the handler of `POST /create-paypal-subscription`: gives the page where the user approves. */
export function createHandler(
  dependencies: CreatePaypalSubscriptionDependencies,
): (request: Request) => Promise<Response> {
  const { auth, allowedOrigins, paypal } = dependencies;
  return createEndpoint({
    name: "create-paypal-subscription",
    methods: ["POST"],
    allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, createPaypalSubscriptionRequestSchema);
      if (isFailure(body)) return body;
      const returnUrl = parseReturnUrl(body.return_url, "return_url", allowedOrigins);
      if (isFailure(returnUrl)) return returnUrl;
      const cancelUrl = parseReturnUrl(body.cancel_url, "cancel_url", allowedOrigins);
      if (isFailure(cancelUrl)) return cancelUrl;
      if (paypal === null) {
        return failure("not_configured", "PayPal is not set up here: set PAYPAL_CLIENT_ID.");
      }

      const approval = {
        userId: caller.userId,
        planType: body.plan_type,
        returnUrl,
        cancelUrl,
      };
      const url = await openApproval(dependencies, paypal, approval);
      return isFailure(url) ? url : Response.json({ url });
    },
  });
}

async function openApproval(
  { service, closeStripeSession, now = Date.now }: CreatePaypalSubscriptionDependencies,
  paypal: Paypal,
  { userId, planType, returnUrl, cancelUrl }: Approval,
): Promise<string | Failure> {
  const fingerprint = await digest(planType, returnUrl, cancelUrl);
  const request = {
    user_id: userId,
    provider: "paypal",
    plan_type: planType,
    fingerprint,
  } as const;
  for (let round = 1; round <= 3; round += 1) {
    const begun = await beginCheckout(service, request);
    if (isFailure(begun)) return begun;
    try {
      if ("expire_session" in begun) {
        const isFree =
          begun.provider === "paypal" || (await closeStripeSession(begun.expire_session));
        if (!isFree) {
          return failure("active_subscription", "A checkout has just been paid: reload the page.", {
            facts: { portal: "create-portal-session" },
          });
        }
        await endCheckout(service, userId, begun.expire_session, false);
        continue;
      }
      const { session_id: id, url } = begun;
      if (id !== null && url !== null) {
        const snapshot = await paypal.subscription(id);
        if (snapshot?.status === "incomplete") return url;
        // Approved, and the event is still on its way: the next round finds the subscription.
        await endCheckout(service, userId, id, snapshot !== null);
        const applied = await applyRead(service, () => Promise.resolve(snapshot ? [snapshot] : []));
        if (isFailure(applied)) return applied;
        continue;
      }
      if (begun.price_id === null) {
        return failure(
          "not_configured",
          "This plan has no id at PayPal yet: add its price to prices.",
        );
      }
      const created = await paypal.createSubscription({
        attempt: begun.attempt,
        planId: begun.price_id,
        userId,
        returnUrl,
        cancelUrl,
      });
      const isOurs = await openCheckout(service, {
        attempt: begun.attempt,
        session_id: created.id,
        url: created.url,
        expires_at: new Date(now() + approvalTime).toISOString(),
      });
      if (isFailure(isOurs)) return isOurs;
      if (isOurs) return created.url;
    } catch (error) {
      if ("attempt" in begun) {
        await callRpc(service, "drop_checkout", { attempt: begun.attempt }, z.unknown());
      }
      return upstreamFailure("paypal", error);
    }
  }
  return failure("upstream_error", "Another checkout is being opened. Try again.", {
    cause: "checkout:contended",
  });
}

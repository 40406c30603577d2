import { z } from "zod";
import { bodyLimit, readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { late, within } from "../_shared/deadline.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import { describeError, type Log, type LogFields } from "../_shared/log.ts";
import { callRpc, type RpcClient } from "../_shared/rpc.ts";
import { redeemCouponRequestSchema, redeemCouponResponseSchema } from "../_shared/schemas.ts";

/** What the redeem-coupon function needs from outside. */
export interface RedeemCouponDependencies {
  auth: ClaimsReader;
  /** Acts as the service role, the only one that may try a code. */
  service: RpcClient;
  /** Makes sure that the coupon of this code is at Stripe; null where there is no Stripe. */
  mirror: ((code: string) => Promise<void>) | null;
  /** Milliseconds that Stripe may take. */
  mirrorTime?: number;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

const resultSchema = z.object({
  ok: z.literal(true),
  coupon: redeemCouponResponseSchema.shape.coupon,
});

/**
 * Makes the handler of `POST /redeem-coupon`. The database counts the try and redeems, in one transaction that is
 * over before Stripe is asked: whatever Stripe does then, the coupon is redeemed, once.
 */
export function createHandler(
  dependencies: RedeemCouponDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, mirror, mirrorTime = 5_000 } = dependencies;
  return createEndpoint({
    name: "redeem-coupon",
    methods: ["POST"],
    allowedOrigins: dependencies.allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, redeemCouponRequestSchema, bodyLimit.other);
      if (isFailure(body)) return body;

      const preview = body.preview ?? false;
      const result = await callRpc(
        service,
        preview ? "preview_coupon" : "redeem_coupon",
        { user_id: caller.userId, code: body.code },
        resultSchema,
      );
      if (isFailure(result)) {
        return result.code === "user_not_found"
          ? failure("email_required", "Add an email to your account first.")
          : result;
      }

      const ready =
        mirror && !preview ? await mirrored(mirror(result.coupon.code), mirrorTime, note) : false;
      return Response.json({ coupon: result.coupon, checkout_discount: ready });
    },
  });
}

async function mirrored(
  work: Promise<void>,
  time: number,
  note: (fields: LogFields) => void,
): Promise<boolean> {
  try {
    if ((await within(time, work)) !== late) return true;
    note({ mirror: "late" });
  } catch (error) {
    note({ mirror: "failed", ...describeError(error) });
  }
  return false;
}

import { z } from "zod";
import { type UserDependencies, user } from "../_shared/auth/caller.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import { failure, isFailure } from "../_shared/http/failure.ts";
import { describeError, type LogFields } from "../_shared/http/log.ts";
import { redeemCouponRequestSchema, redeemCouponResponseSchema } from "../_shared/http/schemas.ts";
import { deadline } from "../_shared/std/async/deadline.ts";
import { callRpc } from "../_shared/supabase/rpc.ts";

/** What the redeem-coupon function needs from outside. */
export interface RedeemCouponDependencies extends UserDependencies {
  /** Creates the coupon of a code at Stripe unless it exists; null where Stripe is not set up. */
  mirror: ((code: string) => Promise<void>) | null;
  /** Milliseconds within which Stripe must answer. */
  mirrorTime?: number;
}

const resultSchema = z.object({
  ok: z.literal(true),
  coupon: redeemCouponResponseSchema.shape.coupon,
});

/**
 * Redeems a coupon, or with `preview` only shows what it would give. Every call is counted, 10 in 10 minutes for each user. The
 * coupon is redeemed before Stripe is called, so a failure of Stripe cannot undo or repeat it.
 *
 * Errors: `email_required`, `coupon_not_found`, `coupon_already_redeemed`, `coupon_exhausted`, `coupon_expired`,
 * `invalid_argument`.
 */
export function createHandler(
  dependencies: RedeemCouponDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, allowedOrigins, log, mirror, mirrorTime = 5_000 } = dependencies;
  return createEndpoint({
    name: "redeem-coupon",
    methods: ["POST"],
    allowedOrigins,
    log,
    caller: user(auth),
    body: redeemCouponRequestSchema,
    handle: async ({ caller, body, note }) => {
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
      return { coupon: result.coupon, checkout_discount: ready };
    },
  });
}

async function mirrored(
  work: Promise<void>,
  time: number,
  note: (fields: LogFields) => void,
): Promise<boolean> {
  try {
    await deadline(work, time);
    return true;
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    note(isLate ? { mirror: "late" } : { mirror: "failed", ...describeError(error) });
    return false;
  }
}

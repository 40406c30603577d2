import { z } from "zod";
import { type Caller, type UserDependencies, user } from "../_shared/auth/caller.ts";
import { bodyLimit, readBytes } from "../_shared/http/body.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/http/failure.ts";
import { describeError, logToConsole } from "../_shared/http/log.ts";
import {
  type LlmProvider,
  llmProviderSchema,
  refusedAddress,
  setKey,
} from "../_shared/llm/provider.ts";
import type { Refusal } from "../_shared/llm/public-address.ts";
import { delay } from "../_shared/std/async/delay.ts";
import { callRpc } from "../_shared/supabase/rpc.ts";
import { sessionHeaders, toClient, toProvider } from "./headers.ts";
import { relay } from "./relay.ts";
import { isOpenToOperatorKey, readTarget, type Target, targetUrl } from "./target.ts";

/** What the llm-proxy function needs from outside. */
export interface LlmProxyDependencies extends UserDependencies {
  /** The operator's key of a provider; null where there is none. */
  operatorKey(provider: string): string | null;
  checkAddress(url: URL): Promise<Refusal>;
  fetch: typeof globalThis.fetch;
  /** Keeps the function alive until a promise settles that no request waits for. */
  background(work: Promise<unknown>): void;
  /** Milliseconds within which a provider must begin to answer. */
  answerTime?: number;
  /** Milliseconds before a refund is tried again. */
  refundPause?: number;
}

const callSchema = z.object({
  ok: z.literal(true),
  provider: llmProviderSchema,
  /** The user's key; null where the operator's key is used. */
  api_key: z.string().nullable(),
  stored_at: z.string().optional(),
  is_rejected: z.boolean().optional(),
  /** Credits that were charged for the call. */
  charged: z.number(),
});

/** Milliseconds. Hosted Supabase ends a request without an answer after 150 s, and the charge is refunded before that. */
const defaultAnswerTime = 140_000;

/**
 * Sends a request to `llm-proxy/<provider>/<path>` on to the provider with the caller's stored key, or with the operator's key
 * for `credits_per_call`, and streams the answer back. No key leaves the server. Status, body and most headers are the
 * provider's own, also those of its errors. A user has 60 calls a minute.
 *
 * Errors: `insufficient_credits`, `email_required`, `mfa_required`, `api_key_not_found`, `user_not_found`,
 * `llm_provider_not_found`, `invalid_argument` (a path or query that is not allowed), `decryption_failed`,
 * `secret_not_configured`.
 */
export function createHandler(
  dependencies: LlmProxyDependencies,
): (request: Request) => Promise<Response> {
  const {
    auth,
    service,
    operatorKey,
    checkAddress,
    fetch,
    background,
    log = logToConsole,
  } = dependencies;
  const { answerTime = defaultAnswerTime, refundPause = 500 } = dependencies;

  return createEndpoint({
    name: "llm-proxy",
    methods: ["GET", "POST"],
    allowedOrigins: dependencies.allowedOrigins,
    anyHeader: true,
    log: dependencies.log,
    caller: user(auth, withSession),
    body: async ({ request }) => {
      const target = readTarget(request.url);
      if (isFailure(target)) return target;
      const sent = request.method === "POST" ? await readBytes(request, bodyLimit.prompt) : null;
      return isFailure(sent) ? sent : { target, sent };
    },
    handle: async ({ request, requestId, note, caller, body: { target, sent } }) => {
      const keyOfOperator = operatorKey(target.provider.toLowerCase());
      const call = await callRpc(
        service,
        "open_llm_call",
        {
          user_id: caller.userId,
          provider: target.provider,
          request_id: requestId,
          has_operator_key: keyOfOperator !== null,
          has_second_factor: caller.hasSecondFactor,
        },
        callSchema,
      );
      if (isFailure(call)) return call;
      const { provider, charged } = call;
      const key = call.api_key ?? keyOfOperator ?? "";
      note({ provider: provider.provider, key: call.api_key === null ? "operator" : "own" });

      let refunding: Promise<void> | null = null;
      const refund = () => {
        if (charged > 0) refunding ??= refundCall(caller.userId, requestId);
        return refunding ?? Promise.resolve();
      };

      const answer = await send(request, sent, {
        provider,
        target,
        caller,
        key,
        isOwn: call.api_key !== null,
      });
      if (isFailure(answer)) {
        await refund();
        return answer;
      }
      note({ upstream_status: answer.status });
      if (call.api_key !== null && call.stored_at !== undefined) {
        await markKey(
          caller.userId,
          provider,
          call.stored_at,
          call.is_rejected ?? false,
          answer.status,
        );
      }
      if (answer.status >= 300 && answer.status < 400) {
        await answer.body?.cancel();
        await refund();
        return failure(
          "upstream_error",
          `${provider.name} answers with a redirect, which is not followed.`,
          {
            facts: { provider: provider.provider },
            cause: "redirect",
          },
        );
      }
      if (!answer.ok) await refund();
      if (request.signal.aborted) {
        await answer.body?.cancel();
        await refund();
        return clientLeft(provider);
      }

      const relayed =
        answer.body &&
        relay(answer.body, key, request.signal, (ending) => {
          if (ending !== "delivered") background(refund());
        });
      return new Response(relayed, {
        status: answer.status,
        headers: toClient(answer.headers, key),
      });
    },
  });

  async function send(
    request: Request,
    body: Uint8Array | null,
    call: { provider: LlmProvider; target: Target; caller: Caller; key: string; isOwn: boolean },
  ): Promise<Response | Failure> {
    const { provider, target, caller, key, isOwn } = call;
    const url = targetUrl(provider, target);
    if (isFailure(url)) return url;
    if (!isOwn && !isOpenToOperatorKey(provider, request.method, target)) {
      return failure("api_key_not_found", "This request needs your own key. Store one first.", {
        facts: { provider: provider.provider },
      });
    }
    if (url.href.includes(caller.token)) {
      return failure("invalid_argument", "Send the access token in a header, never in the URL.", {
        facts: { argument: "query" },
      });
    }
    const refusal = await checkAddress(url);
    if (refusal !== null) return refusedAddress(provider, refusal);

    const headers = toProvider(request.headers, provider.extra_headers, caller.token);
    setKey(headers, provider, key);
    const controller = new AbortController();
    const abort = () => controller.abort();
    // The signal only applies until the answer begins. Afterwards the stream is cancelled instead, so that an error in it
    // always comes from the provider.
    request.signal.addEventListener("abort", abort);
    const timer = setTimeout(abort, answerTime);
    try {
      return await fetch(url, {
        method: request.method,
        headers,
        body,
        redirect: "manual",
        signal: controller.signal,
      });
    } catch (error) {
      if (request.signal.aborted) return clientLeft(provider);
      const facts = { provider: provider.provider };
      return controller.signal.aborted
        ? failure(
            "upstream_error",
            `${provider.name} takes too long. Try again, or ask for a stream.`,
            {
              facts,
              cause: "late",
            },
          )
        : failure("upstream_error", `${provider.name} does not answer. Try again later.`, {
            facts,
            cause: describeError(error).error,
          });
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", abort);
    }
  }

  /** Stores that a provider has begun to refuse a key, or accepts it again. */
  async function markKey(
    userId: string,
    { provider }: LlmProvider,
    storedAt: string,
    isRejected: boolean,
    status: number,
  ): Promise<void> {
    const isRefused = status === 401 || status === 403;
    if (isRefused === isRejected || (!isRefused && status >= 400)) return;
    await service.rpc("mark_api_key", {
      user_id: userId,
      provider,
      stored_at: storedAt,
      accepted: !isRefused,
    });
  }

  /** Refunds the credits of a call. Repeated calls refund once. */
  async function refundCall(userId: string, requestId: string): Promise<void> {
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const args = { user_id: userId, idempotency_key: requestId };
      const { error } = await service.rpc("refund_credits", args);
      if (!error) return;
      await delay(attempt * refundPause);
    }
    log({ level: "error", function: "llm-proxy", request_id: requestId, refund: "failed" });
  }
}

/** The failure for a client that has disconnected. It only appears in the log. */
function clientLeft({ provider }: LlmProvider): Failure {
  return failure("upstream_error", "The client closed the connection.", {
    facts: { provider },
    cause: "client_left",
  });
}

/**
 * Moves the access token to the Authorization header, where identifyCaller reads it. A provider's own client sends the
 * token as its key, in a header of its own. The gateway of hosted Supabase may put the publishable key into Authorization
 * then.
 */
function withSession(request: Request): Request {
  const token = sessionHeaders
    .map((name) => request.headers.get(name))
    .find((value) => value !== null && value.split(".").length === 3);
  return token
    ? new Request(request.url, { headers: { authorization: `Bearer ${token}` } })
    : request;
}

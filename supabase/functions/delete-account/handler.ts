import { bodyLimit, readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller, requireSecondFactor } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { deleteAccountRequestSchema } from "../_shared/schemas.ts";
import type { Accounts } from "./account.ts";
import type { Billing } from "./billing.ts";
import type { Files } from "./files.ts";
import { isLeftAtProvider, willRenew } from "./subscriptions.ts";

/** What the delete-account function needs from outside. */
export interface DeleteAccountDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  accounts: Accounts;
  billing: Billing;
  /** Closes what could still be paid, and reads what the providers say of the user's subscriptions. */
  refresh(userId: string): Promise<true | Failure>;
  files: Files;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

/**
 * Makes the handler of `POST /delete-account`. The order is that of what can be done again: what fails leaves the
 * account there, and the same request finishes the rest. The rows go last, because they say what there was.
 */
export function createHandler(
  dependencies: DeleteAccountDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, accounts, billing, refresh, files } = dependencies;
  return createEndpoint({
    name: "delete-account",
    methods: ["POST"],
    allowedOrigins: dependencies.allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });
      const confirmed = await requireSecondFactor(caller, service);
      if (isFailure(confirmed)) return confirmed;

      const body = await readJson(request, deleteAccountRequestSchema, bodyLimit.other);
      if (isFailure(body)) return body;

      const known = await accounts.find(caller.userId);
      if (isFailure(known)) return known;
      if (known === null) {
        return failure("email_required", "Add an email to your account first.");
      }
      if (body.confirm_email.toLowerCase() !== known.email.toLowerCase()) {
        return failure("confirmation_mismatch", "Type the email of your account to delete it.");
      }

      const refreshed = await refresh(caller.userId);
      if (isFailure(refreshed)) return refreshed;
      const account = (await accounts.find(caller.userId)) ?? known;
      if (isFailure(account)) return account;
      const renewing = account.subscriptions.find(willRenew);
      if (renewing) {
        return failure(
          "active_subscription",
          "Cancel your subscription first, then delete the account.",
          {
            facts: { provider: renewing.provider },
          },
        );
      }
      for (const subscription of account.subscriptions.filter(isLeftAtProvider)) {
        const ended = await billing.end(subscription);
        if (isFailure(ended)) return ended;
      }

      const removed = await files.removeAll(caller.userId);
      if (isFailure(removed)) return removed;
      note({ files: removed });

      const deleted = await accounts.remove(caller.userId);
      return isFailure(deleted) ? deleted : Response.json({ deleted });
    },
  });
}

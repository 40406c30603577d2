import type { Paypal } from "../_shared/paypal.ts";
import type { Snapshot } from "../_shared/snapshot.ts";
import type { SyncedProvider } from "./handler.ts";

/**
 * PayPal, as a sync reads it. It lists no subscriptions: those are read whose ids are known, by an event or by the
 * checkout that made them.
 */
export function syncedPaypal(paypal: Paypal): SyncedProvider {
  return {
    name: "paypal",
    async subscriptions({ subscriptions, checkout }) {
      const known = subscriptions
        .filter(({ provider, status }) => provider === "paypal" && status !== "canceled")
        .flatMap(({ provider_subscription_id: id }) => (id === null ? [] : [id]));
      const opened = checkout?.provider === "paypal" ? [checkout.session_id] : [];
      const ids = [...new Set([...known, ...opened])];
      const found: Array<Snapshot | null> = [];
      for (const id of ids) found.push(await paypal.subscription(id));
      return found.filter((snapshot) => snapshot !== null);
    },
    async checkout(sessionId) {
      const snapshot = await paypal.subscription(sessionId);
      if (snapshot?.status === "incomplete") return "open";
      return snapshot !== null;
    },
  };
}

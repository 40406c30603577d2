import type { Provider } from "../../functions/_shared/billing/provider.ts";

async function* nothing(): AsyncIterable<never> {}

const unexpected = () =>
  Promise.reject(new Error("This test does not expect a call of this method."));

/** A provider with the given methods. Other calls that would read or change something fail. */
export function stubProvider(changes: Partial<Provider> = {}): Provider {
  return {
    name: "stripe",
    title: "Stripe",
    livemode: false,
    verify: unexpected,
    parse: () => null,
    read: unexpected,
    readAll: () => Promise.resolve({ snapshots: [], purchases: [] }),
    changedSince: nothing,
    purchasesSince: nothing,
    sessionsSince: nothing,
    open: unexpected,
    session: unexpected,
    close: unexpected,
    activate: unexpected,
    setEmail: () => Promise.resolve(),
    cancel: unexpected,
    portal: unexpected,
    isRefusal: () => false,
    ...changes,
  };
}

/** A call of an RPC. */
export interface Call {
  name: string;
  args: Record<string, unknown>;
}

/** A database whose RPCs return the given answers, or fail with a given error, and that records the calls. */
export function stubService(answers: Record<string, unknown>) {
  const calls: Call[] = [];
  const service = {
    rpc: (name: string, args: Record<string, unknown>) => {
      calls.push({ name, args });
      const data = answers[name] ?? null;
      return Promise.resolve(
        data instanceof Error
          ? { data: null, error: { code: "XX000", message: data.message } }
          : { data, error: null },
      );
    },
  };
  return { service, calls };
}

import type { RealtimeChannel } from "@supabase/supabase-js";
import { expect, it } from "vitest";
import { type Person, service, signUp } from "../support/clients.ts";

/** Runs on Supabase's own services, which the workflow starts, because the local stack has no Realtime. */

interface Message {
  event: string;
  payload: { table: string; operation: string; record: Record<string, unknown> | null };
}

/** Joins a topic; gives the status of joining, and the list to which messages are added. */
async function join(person: Person, topic: string) {
  await person.client.realtime.setAuth();
  const messages: Message[] = [];
  const channel: RealtimeChannel = person.client
    .channel(topic, { config: { private: true } })
    .on("broadcast", { event: "*" }, (message) => messages.push(message as unknown as Message));
  const status = await new Promise<string>((resolve) => channel.subscribe(resolve));
  return { status, messages };
}

it("a user receives changes of their own rows, and a stranger does not", {
  timeout: 60_000,
}, async () => {
  const owner = await signUp("owner");
  const stranger = await signUp("stranger");
  const own = await join(owner, `user:${owner.id}`);
  expect(own.status).toBe("SUBSCRIBED");
  const others = await join(stranger, `user:${owner.id}`);
  expect(others.status).toBe("CHANNEL_ERROR");

  const { data: saved } = await owner.client
    .rpc("save_strategy", { name: "Heard", config: {}, components: [] })
    .throwOnError();
  await service()
    .rpc("grant_credits", {
      user_id: owner.id,
      amount: 3,
      reason: "broadcast",
      idempotency_key: "broadcast-test",
    })
    .throwOnError();
  await owner.client.from("strategies").delete().eq("user_id", owner.id).throwOnError();

  await expect
    .poll(() => own.messages.map(({ event, payload }) => `${event} ${payload.table}`), {
      timeout: 20_000,
    })
    .toEqual(
      expect.arrayContaining([
        "INSERT strategies",
        "UPDATE users",
        "INSERT credit_transactions",
        "DELETE strategies",
      ]),
    );
  const made = own.messages.find(({ event }) => event === "INSERT");
  expect(made?.payload.record).toMatchObject({ name: "Heard", user_id: owner.id });
  expect(saved).toMatchObject({ strategy_id: made?.payload.record?.id });
  expect(others.messages).toEqual([]);
  await Promise.all([owner, stranger].map(({ client }) => client.removeAllChannels()));
});

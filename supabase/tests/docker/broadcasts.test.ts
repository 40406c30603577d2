import type { RealtimeChannel } from "@supabase/supabase-js";
import { expect, it } from "vitest";
import { type Person, service, signUp } from "../support/clients.ts";

/** Against Supabase's own services, which the workflow starts: the local stack has no Realtime. */

interface Heard {
  event: string;
  payload: { table: string; operation: string; record: Record<string, unknown> | null };
}

/** Joins a topic; gives the status of joining and what is heard from then on. */
async function join(person: Person, topic: string) {
  await person.client.realtime.setAuth();
  const heard: Heard[] = [];
  const channel: RealtimeChannel = person.client
    .channel(topic, { config: { private: true } })
    .on("broadcast", { event: "*" }, (message) => heard.push(message as unknown as Heard));
  const status = await new Promise<string>((resolve) => channel.subscribe(resolve));
  return { status, heard };
}

it("a user hears changes of their own rows, and a stranger does not", {
  timeout: 60_000,
}, async () => {
  const owner = await signUp("listener");
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
      reason: "heard",
      idempotency_key: "broadcast-heard",
    })
    .throwOnError();
  await owner.client.from("strategies").delete().eq("user_id", owner.id).throwOnError();

  await expect
    .poll(() => own.heard.map(({ event, payload }) => `${event} ${payload.table}`), {
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
  const made = own.heard.find(({ event }) => event === "INSERT");
  expect(made?.payload.record).toMatchObject({ name: "Heard", user_id: owner.id });
  expect(saved).toMatchObject({ strategy_id: made?.payload.record?.id });
  expect(others.heard).toEqual([]);
  await Promise.all([owner, stranger].map(({ client }) => client.removeAllChannels()));
});

import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { createMember, type Member, rpcAs } from "../support/members.ts";
import { stack } from "../support/stack.ts";

/** Requests that could cost too much, or end as an internal error. */

let member: Member;

beforeAll(async () => {
  member = await createMember();
});

/** Posts a JSON text unchanged, so that the escape of U+0000 is sent as it is written here. */
async function send(url: string, json: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      apikey: stack.PUBLISHABLE_KEY,
      "content-type": "application/json",
      ...headers,
    },
    body: json,
  });
  return { status: response.status, text: await response.text() };
}

describe("the character U+0000", () => {
  const nul = "\\u0000";
  const page = "https://app.pinebase.test/";

  it("is refused by every function that a user calls, in every field", async () => {
    const authorization = `Bearer ${member.token}`;
    for (const [name, json] of [
      ["redeem-coupon", `{"code": "AB${nul}CD"}`],
      ["decrypt-api-key", `{"provider": "open${nul}ai"}`],
      ["delete-account", `{"confirm_email": "a${nul}@tests.test"}`],
      [
        "create-checkout-session",
        `{"plan_type": "x${nul}", "success_url": "${page}", "cancel_url": "${page}"}`,
      ],
      [
        "create-checkout-session",
        `{"plan_type": "x", "success_url": "${page}${nul}", "cancel_url": "${page}"}`,
      ],
      [
        "create-paypal-subscription",
        `{"plan_type": "x${nul}", "return_url": "${page}", "cancel_url": "${page}"}`,
      ],
      ["create-portal-session", `{"return_url": "${page}${nul}"}`],
      ["sync-subscription", `{"user_id${nul}": "x"}`],
    ]) {
      const { status, text } = await send(`${stack.FUNCTIONS_URL}/${name}`, json ?? "", {
        authorization,
      });
      expect([name, status, text]).toEqual([name, 400, expect.stringContaining("U+0000")]);
    }
  });

  it("is refused in a signed webhook, whose event is not recorded", async () => {
    const id = `evt_${randomUUID()}`;
    const event = {
      id,
      object: "event" as const,
      type: "customer.subscription.updated",
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: { object: { id: "sub_\0", object: "subscription", customer: "cus_1" } },
    };
    const url = `${stack.FUNCTIONS_URL}/stripe-webhook`;
    const response = await fetch(signedDelivery(url, event, stack.STRIPE_WEBHOOK_SECRET ?? ""));
    expect(response.status).toBe(400);
    const [row] = await asOperator(
      (sql) => sql`select count(*)::int as n from private.webhook_events where event_id = ${id}`,
    );
    expect(row?.n).toBe(0);
  });

  it("is refused in the metadata of a sign-up, and no user is created", async () => {
    const email = `nul-${randomUUID()}@tests.pinebase.test`;
    const credentials = `"email": "${email}", "password": "long enough 7"`;
    for (const data of [`{"full_name": "a${nul}b"}`, `{"a${nul}": 1}`]) {
      const { status, text } = await send(
        `${stack.API_URL}/auth/v1/signup`,
        `{${credentials}, "data": ${data}}`,
      );
      expect([status, text]).toEqual([400, expect.stringContaining("U+0000")]);
    }
    const [row] = await asOperator(
      (sql) => sql`select count(*)::int as n from auth.users where email = ${email}`,
    );
    expect(row?.n).toBe(0);
  });

  it("is refused by the Data API", async () => {
    for (const [name, args] of [
      ["search_indicators", { search: "a\0" }],
      ["save_strategy", { name: "a\0", config: {} }],
      ["save_strategy", { name: "a", config: { a: "\0" } }],
      ["consume_credits", { amount: 1, reason: "\0" }],
    ] as const) {
      const { status } = await rpcAs(member.token, name, args);
      expect([name, status]).toEqual([name, 400]);
    }
  });
});

describe("a search text of 1.8 MB", () => {
  it("is refused for its length before it is parsed", async () => {
    // Parsing it would fail with an error of Postgres's own.
    const search = "w1234567 ".repeat(200_000);
    for (const [name, argument] of [
      ["list_public_strategies", "search"],
      ["search_indicators", "search"],
      ["search_indicators", "category"],
    ] as const) {
      const { status, body } = await rpcAs(member.token, name, { [argument]: search });
      expect([name, status, body.details]).toEqual([name, 422, "invalid_argument"]);
    }
  });
});

describe("a client that announces a body and does not send all of it", () => {
  it("is answered 408", async () => {
    const { hostname, port } = new URL(stack.FUNCTIONS_URL);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST /functions/v1/stripe-webhook HTTP/1.1\r\nhost: ${hostname}\r\n` +
            "content-type: application/json\r\ncontent-length: 200000\r\n\r\n{",
        );
      });
      socket.once("data", (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** The running stand-in. */
export interface LlmStandIn {
  /** What a provider's base_url is to be. */
  url: string;
  close(): Promise<void>;
}

/** The key that the stand-in of a stack knows as the operator's. */
export const standInOperatorKey = "local-operator-key";

const model = "stand-in";
const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1),
  stream: z.boolean().default(false),
});

/** Characters of one part of a stream, and the milliseconds between two; more of them where a message says `slowly`. */
const part = { characters: 12, pause: 15, slowPause: 1_000 };

/**
 * Starts a stand-in for a provider of language models on a free port of this machine, for the example app and tests
 * where there is no network. It speaks OpenAI's chat API, with streams. It is no model: it answers every prompt with
 * one of three strategies, as JSON, chosen by words of the last message. It accepts keys that begin with `local-`.
 */
export async function startLlmStandIn(): Promise<LlmStandIn> {
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  if (!/^Bearer local-\S+$/.test(request.headers.authorization ?? "")) {
    return fail(
      response,
      401,
      "invalid_api_key",
      "The stand-in accepts keys that begin with local-.",
    );
  }
  const route = `${request.method} ${request.url?.split("?")[0]}`;
  if (route === "GET /v1/models") {
    return send(response, 200, { object: "list", data: [{ id: model, object: "model" }] });
  }
  if (route !== "POST /v1/chat/completions") {
    return fail(response, 404, "unknown_url", `The stand-in does not know ${route}.`);
  }
  const parsed = requestSchema.safeParse(readJson(body));
  if (!parsed.success) {
    return fail(response, 400, "invalid_request", z.prettifyError(parsed.error));
  }
  const prompt = parsed.data.messages.at(-1)?.content ?? "";
  const content = JSON.stringify(strategyFor(prompt));
  const common = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model };
  if (!parsed.data.stream) {
    const message = { role: "assistant", content };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    return send(response, 200, { ...common, object: "chat.completion", choices });
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const pause = /\bslowly\b/i.test(prompt) ? part.slowPause : part.pause;
  const chunk = (delta: object, finish_reason: string | null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    const data = { ...common, object: "chat.completion.chunk", choices };
    response.write(`data: ${JSON.stringify(data)}\n\n`);
  };
  chunk({ role: "assistant", content: "" }, null);
  for (let from = 0; from < content.length; from += part.characters) {
    if (response.destroyed) return;
    chunk({ content: content.slice(from, from + part.characters) }, null);
    await sleep(pause);
  }
  chunk({}, "stop");
  response.end("data: [DONE]\n\n");
}

/** A strategy as save_strategy takes it. */
function strategyFor(prompt: string) {
  const { name, entry } = strategies.find(({ words }) => words.test(prompt)) ?? strategies[0];
  const component = (component_type: string, indicator_name: string, parameters: object) => ({
    component_type,
    position: 0,
    indicator_name,
    parameters,
  });
  return {
    name,
    description: "Written by the stand-in of the local stack, which is no language model.",
    market_type: /crypto|bitcoin|btc|eth/i.test(prompt) ? "crypto" : "stocks",
    timeframe: /\b(1m|5m|15m|1h|4h|1d)\b/.exec(prompt)?.[1] ?? "1d",
    config: { risk_per_trade: 0.01 },
    components: [
      component("trend", "EMA", { length: 50 }),
      component("entry", entry.indicator_name, entry.parameters),
      component("exit", "Take Profit", {}),
      component("stop_loss", "ATR Stop", {}),
    ],
  };
}

const strategies = [
  {
    words: /cross|average|trend|golden/i,
    name: "Moving averages that cross",
    entry: {
      indicator_name: "Moving Average Cross",
      parameters: { fast_length: 20, slow_length: 50 },
    },
  },
  {
    words: /rsi|oversold|overbought|revers|dip/i,
    name: "Buy what is oversold",
    entry: { indicator_name: "RSI", parameters: { length: 14, oversold: 25 } },
  },
  {
    words: /breakout|volatil|channel|band/i,
    name: "Break out of the bands",
    entry: { indicator_name: "Bollinger Bands", parameters: { length: 20 } },
  },
] as const;

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, { error: { message, type: "invalid_request_error", param: null, code } });
}

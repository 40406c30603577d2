import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { openPort } from "./port.ts";

/** The running stand-in. */
export interface LlmStandIn {
  /** The value for a provider's base_url. */
  url: string;
  close(): Promise<void>;
}

/** The operator's key at the stand-in of a stack. */
export const standInOperatorKey = "local-operator-key";

const model = "stand-in";
const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1),
  stream: z.boolean().default(false),
});

/** Characters of one part of a stream, and milliseconds between two parts; `slowPause` where a message holds `slowly`. */
const part = { characters: 12, pause: 15, slowPause: 1_000 };

/**
 * Starts a stand-in for a provider of language models on a free port of this machine, for the example app and for tests
 * without a network. It speaks OpenAI's chat API, with streams. It is no model: it answers every prompt with one of
 * three strategies, as JSON, chosen by words of the last message. It accepts keys that begin with `local-`.
 */
export async function startLlmStandIn(): Promise<LlmStandIn> {
  const { url, serve, close } = await openPort("stand-in for language models", 0);
  serve(answer);
  return { url, close };
}

async function answer(request: Request): Promise<Response> {
  if (!/^Bearer local-\S+$/.test(request.headers.get("authorization") ?? "")) {
    const message = "The stand-in accepts keys that begin with local-.";
    return failure(401, "invalid_api_key", message);
  }
  const route = `${request.method} ${new URL(request.url).pathname}`;
  if (route === "GET /v1/models") {
    return Response.json({ object: "list", data: [{ id: model, object: "model" }] });
  }
  if (route !== "POST /v1/chat/completions") {
    return failure(404, "unknown_url", `The stand-in has no route ${route}.`);
  }
  const parsed = requestSchema.safeParse(await request.json().catch(() => null));
  if (!parsed.success) return failure(400, "invalid_request", z.prettifyError(parsed.error));

  const prompt = parsed.data.messages.at(-1)?.content ?? "";
  const content = JSON.stringify(strategyFor(prompt));
  const common = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model };
  if (!parsed.data.stream) {
    const message = { role: "assistant", content };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    return Response.json({ ...common, object: "chat.completion", choices });
  }
  const pause = /\bslowly\b/i.test(prompt) ? part.slowPause : part.pause;
  const events = streamOf(content, pause, { ...common, object: "chat.completion.chunk" });
  const stream = new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await events.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void events.return(),
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}

/** The answer in parts, as the events of a stream. A reader that leaves ends it. */
async function* streamOf(content: string, pause: number, common: object) {
  const encoder = new TextEncoder();
  const chunk = (delta: object, finish_reason: string | null) => {
    const data = { ...common, choices: [{ index: 0, delta, finish_reason }] };
    return encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
  };
  yield chunk({ role: "assistant", content: "" }, null);
  for (let from = 0; from < content.length; from += part.characters) {
    yield chunk({ content: content.slice(from, from + part.characters) }, null);
    await sleep(pause);
  }
  yield chunk({}, "stop");
  yield encoder.encode("data: [DONE]\n\n");
}

/** A strategy in the form that save_strategy takes. */
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

function failure(status: number, code: string, message: string): Response {
  const error = { message, type: "invalid_request_error", param: null, code };
  return Response.json({ error }, { status });
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { keepAliveTimeout } from "../../../scripts/local/port.ts";
import { listen } from "./server.ts";

/** A request that the provider has received. */
export interface ProviderRequest {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
  /** Settles when the answer's connection is closed; true if the whole answer was sent. */
  closed: Promise<boolean>;
}

/** Answers a request. */
export type Behaviour = (request: ProviderRequest, response: ServerResponse) => unknown;

/** A stand-in for a provider of language models. */
export interface ModelProvider {
  url: string;
  requests: ProviderRequest[];
  /** How every request is answered from now on; null for the usual answers of OpenAI and Anthropic. */
  behave(behaviour: Behaviour | null): void;
  close(): Promise<void>;
}

/** Starts a provider that answers as OpenAI and Anthropic do until a test sets another behaviour. */
export async function startModelProvider(): Promise<ModelProvider> {
  const requests: ProviderRequest[] = [];
  let behaviour: Behaviour | null = null;
  const server = createServer({ keepAliveTimeout }, async (incoming, response) => {
    const request = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: incoming.headers,
      body: await text(incoming).catch(() => ""),
      closed: new Promise<boolean>((resolve) =>
        response.once("close", () => resolve(response.writableFinished)),
      ),
    };
    requests.push(request);
    await (behaviour ?? answerAsUsual)(request, response);
  });
  return {
    ...(await listen(server)),
    requests,
    behave: (next) => {
      behaviour = next;
    },
  };
}

const words = ["Buy ", "low, ", "sell ", "high."];

/** https://platform.openai.com/docs/api-reference/chat and https://docs.anthropic.com/en/api/messages */
function answerAsUsual(request: ProviderRequest, response: ServerResponse): void {
  const { stream } = JSON.parse(request.body || "{}") as { stream?: boolean };
  const isAnthropic = request.url.startsWith("/v1/messages");
  if (!stream) {
    response.writeHead(200, { "content-type": "application/json", "set-cookie": "provider=1" });
    response.end(
      JSON.stringify(isAnthropic ? message(words.join("")) : completion(words.join(""))),
    );
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (name: string | null, data: object | string) => {
    const body = typeof data === "string" ? data : JSON.stringify(data);
    response.write(`${name ? `event: ${name}\n` : ""}data: ${body}\n\n`);
  };
  if (isAnthropic) {
    event("message_start", { type: "message_start", message: message(null) });
    event("content_block_start", {
      type: "content_block_start",
      index: 0,
      content_block: { type: "text", text: "" },
    });
    for (const word of words) {
      const delta = { type: "text_delta", text: word };
      event("content_block_delta", { type: "content_block_delta", index: 0, delta });
    }
    event("content_block_stop", { type: "content_block_stop", index: 0 });
    const delta = { stop_reason: "end_turn", stop_sequence: null };
    event("message_delta", { type: "message_delta", delta, usage: { output_tokens: 4 } });
    event("message_stop", { type: "message_stop" });
  } else {
    for (const content of words) {
      const choices = [{ index: 0, delta: { content }, finish_reason: null }];
      event(null, { ...completion(""), object: "chat.completion.chunk", choices });
    }
    event(null, "[DONE]");
  }
  response.end();
}

function completion(content: string) {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  };
}

function message(text: string | null) {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: text === null ? [] : [{ type: "text", text }],
    stop_reason: text === null ? null : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 4 },
  };
}

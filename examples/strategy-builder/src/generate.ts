import { FunctionsHttpError } from "@supabase/supabase-js";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { marketTypeSchema, strategyComponentSchema, timeframeSchema, toPinebaseError } from "pinebase";
import { z } from "zod";
import { dataOf, saveStrategy } from "./backend.ts";
import { supabase } from "./supabase.ts";

/** The path of OpenAI's chat API at each provider that has it. This app supports no other API. */
export const chatPaths: Record<string, string> = {
  local: "v1/chat/completions",
  openai: "v1/chat/completions",
  mistral: "v1/chat/completions",
  deepseek: "v1/chat/completions",
  xai: "v1/chat/completions",
  groq: "openai/v1/chat/completions",
  openrouter: "api/v1/chat/completions",
};

/** The form of a model's answer. The database checks the indicators and their parameters when the strategy is saved. */
const answerSchema = z.object({
  name: z.string(),
  description: z.string(),
  market_type: marketTypeSchema,
  timeframe: timeframeSchema,
  config: z.record(z.string(), z.json()),
  components: z.array(
    strategyComponentSchema.pick({ component_type: true, position: true, indicator_name: true, parameters: true }),
  ),
});

const chunkSchema = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
});
const providerErrorSchema = z.object({ error: z.object({ message: z.string() }) });

interface GenerationRequest {
  provider: string;
  model: string;
  idea: string;
}

/**
 * Has a language model write a strategy, and saves it. The backend's proxy adds the key, which this page never receives.
 *
 * @param onText is called with the answer so far while it streams in
 * @param signal aborts the request, also at the provider
 */
export async function generateStrategy(
  { provider, model, idea }: GenerationRequest,
  onText: (text: string) => void,
  signal: AbortSignal,
) {
  const library = await dataOf(supabase.from("indicators").select("type, name, parameters"));
  const instructions = `Write a trading strategy for the user's idea. Answer only with JSON of this schema:
${JSON.stringify(z.toJSONSchema(answerSchema))}
Use only these indicators, with parameters that fit their schemas: ${JSON.stringify(library)}`;

  const { data, error } = await supabase.functions.invoke<Response>(`llm-proxy/${provider}/${chatPaths[provider]}`, {
    signal,
    body: {
      model,
      stream: true,
      response_format: { type: "json_object" },
      messages: [
        { role: "system", content: instructions },
        { role: "user", content: idea },
      ],
    },
  });
  signal.throwIfAborted();
  if (error) throw await readableError(error);

  let text = "";
  const events = data?.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = new WritableStream({
    write: ({ data: chunk }: { data: string }) => {
      if (chunk === "[DONE]") return;
      text += chunkSchema.parse(JSON.parse(chunk)).choices[0]?.delta.content ?? "";
      onText(text);
    },
  });
  await events?.pipeTo(reader).catch((error) => {
    signal.throwIfAborted();
    throw error;
  });
  return saveStrategy({ ...parseAnswer(text), is_ai_generated: true });
}

/** An error with a message to show: Pinebase's own error unchanged, or one with the provider's message. */
async function readableError(error: unknown): Promise<unknown> {
  if (!(error instanceof FunctionsHttpError) || (await toPinebaseError(error))) return error;
  const answer = providerErrorSchema.safeParse(await error.context.json().catch(() => null));
  return answer.success ? new Error(answer.data.error.message) : error;
}

function parseAnswer(text: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    throw new Error("The model's answer is not a strategy. Try again, or describe the idea in other words.");
  }
}

import { FunctionsHttpError } from "@supabase/supabase-js";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { marketTypeSchema, strategyComponentSchema, timeframeSchema, toPinebaseError } from "pinebase";
import { z } from "zod";
import { dataOf, saveStrategy } from "./backend.ts";
import { supabase } from "./supabase.ts";

/** Where each provider has OpenAI's chat API. Others have an API of their own, for which this app has no code. */
export const chatPaths: Record<string, string> = {
  local: "v1/chat/completions",
  openai: "v1/chat/completions",
  mistral: "v1/chat/completions",
  deepseek: "v1/chat/completions",
  xai: "v1/chat/completions",
  groq: "openai/v1/chat/completions",
  openrouter: "api/v1/chat/completions",
};

/** What a model is asked to answer. The database checks the indicators and their parameters when it is saved. */
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
const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

interface Wish {
  provider: string;
  model: string;
  idea: string;
}

/**
 * Has a language model write a strategy, and saves it. The backend's proxy adds the key, which this page never has.
 *
 * @param onText is told the answer so far, as it streams in
 * @param signal ends the request at the provider too
 */
export async function generateStrategy(wish: Wish, onText: (text: string) => void, signal: AbortSignal) {
  const library = await dataOf(supabase.from("indicators").select("type, name, parameters"));
  const instructions = `Write a trading strategy for the user's idea. Answer with JSON alone, of this schema:
${JSON.stringify(z.toJSONSchema(answerSchema))}
Use these indicators alone, with parameters of their schemas: ${JSON.stringify(library)}`;

  const { data, error } = await supabase.functions.invoke<Response>(
    `llm-proxy/${wish.provider}/${chatPaths[wish.provider]}`,
    {
      signal,
      body: {
        model: wish.model,
        stream: true,
        response_format: { type: "json_object" },
        messages: [
          { role: "system", content: instructions },
          { role: "user", content: wish.idea },
        ],
      },
    },
  );
  signal.throwIfAborted();
  if (error) throw await refusalOf(error);

  let text = "";
  const events = data?.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = new WritableStream({
    write: ({ data: chunk }: { data: string }) => {
      if (chunk === "[DONE]") return;
      text += chunkSchema.parse(JSON.parse(chunk)).choices[0]?.delta.content ?? "";
      onText(text);
    },
  });
  await events?.pipeTo(reader).catch((fault) => {
    signal.throwIfAborted();
    throw fault;
  });
  return saveStrategy({ ...strategyIn(text), is_ai_generated: true });
}

/** Our own refusal as it is; a provider's comes back in the provider's words. */
async function refusalOf(error: unknown): Promise<unknown> {
  if (!(error instanceof FunctionsHttpError) || (await toPinebaseError(error))) return error;
  const said = refusalSchema.safeParse(await error.context.json().catch(() => null));
  return said.success ? new Error(said.data.error.message) : error;
}

function strategyIn(text: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    throw new Error("The model's answer is not a strategy. Try again, or describe the idea in other words.");
  }
}

import { asOperator, type Client, type Person } from "./clients.ts";

/** A component as a strategy document has it. */
export interface Component {
  component_type: string;
  position: number;
  is_custom: boolean;
  indicator_id: string | null;
  indicator_name: string | null;
  parameters: Record<string, unknown>;
}

/** A strategy document, as the RPCs on strategies return it. */
export interface StrategyDocument {
  strategy_id: string;
  name: string;
  description: string | null;
  market_type: string | null;
  timeframe: string | null;
  is_public: boolean;
  is_ai_generated: boolean;
  config: Record<string, unknown>;
  version_number: number;
  created_at: string;
  updated_at: string;
  author: string | null;
  forked_from: string | null;
  components: Component[];
}

export interface Answer<T> {
  data: T | null;
  error: { code: string; message: string; details: string; hint: string } | null;
  status: number;
}

/** Calls an RPC without the generated types, so that a test may pass wrong arguments. */
export function call<T = StrategyDocument>(
  client: Client,
  name: string,
  args: object = {},
): PromiseLike<Answer<T>> {
  return (client.rpc as unknown as (name: string, args: object) => PromiseLike<Answer<T>>).call(
    client,
    name,
    args,
  );
}

/** The data of an answer. Rejects with its error. */
export async function must<T>(
  answer: PromiseLike<{ data: T; error: unknown }>,
): Promise<NonNullable<T>> {
  const { data, error } = await answer;
  if (error !== null) throw error;
  if (data === null || data === undefined) {
    throw new Error("The answer has neither data nor an error.");
  }
  return data;
}

/** Saves a strategy: a new one unless `strategy_id` is given. */
export function save(person: Person, args: object): Promise<StrategyDocument> {
  return must(call(person.client, "save_strategy", args));
}

/** The identifier, the status and the facts of an answer's error; undefined if there is none. */
export function refusal({ error, status }: Answer<unknown>): object | undefined {
  if (error === null) return undefined;
  const facts: unknown = error.hint ? JSON.parse(error.hint) : null;
  return { code: error.details, status, facts };
}

/** All versions of a strategy that are kept, oldest first, read as the operator. */
export function versionsOf(
  strategyId: string,
): Promise<{ number: number; notes: string | null; config: StrategyDocument }[]> {
  return asOperator(
    (sql) => sql`
      select version_number as number, notes, config
      from public.strategy_versions
      where strategy_id = ${strategyId}
      order by version_number
    `,
  );
}

export async function versionNumbers(strategyId: string): Promise<number[]> {
  return (await versionsOf(strategyId)).map((version) => version.number);
}

/** The id of an indicator of the library. */
export async function libraryId(client: Client, name: string): Promise<string> {
  const [first] = await must(
    call<{ id: string; name: string }[]>(client, "search_indicators", { search: name }),
  );
  if (first?.name !== name) throw new Error(`The library has no indicator ${name}.`);
  return first.id;
}

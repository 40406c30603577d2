import type { ComponentType, Indicator, ParametersSchema, StrategyComponent, StrategyDocument } from "pinebase";

/** The four slots of a strategy, in the order of the page. */
export const slots = [
  { type: "trend", label: "Trend", purpose: "Which way the market goes" },
  { type: "entry", label: "Entry", purpose: "When to open a position" },
  { type: "exit", label: "Exit", purpose: "When to close it" },
  { type: "stop_loss", label: "Stop loss", purpose: "When to accept a loss" },
] as const satisfies { type: ComponentType; label: string; purpose: string }[];

/** One indicator in a slot. React needs the key, because saving gives components new ids. */
export type DraftComponent = Omit<StrategyComponent, "position"> & { key: string };

/** A strategy while it is being edited. */
export type Draft = Pick<StrategyDocument, "name" | "market_type" | "timeframe"> & {
  description: string;
  components: DraftComponent[];
};

export const emptyDraft: Draft = { name: "", description: "", market_type: null, timeframe: null, components: [] };

/** The saved strategy as a draft. */
export function draftOf({ name, description, market_type, timeframe, components }: StrategyDocument): Draft {
  return {
    ...{ name, description: description ?? "", market_type, timeframe },
    components: components.map(({ position: _position, ...component }) => ({ ...component, key: crypto.randomUUID() })),
  };
}

/** A component for an indicator of the library, with its default parameters. */
export function componentOf({ type, is_custom, id, name, defaults }: Indicator): DraftComponent {
  return {
    key: crypto.randomUUID(),
    component_type: type,
    is_custom,
    indicator_id: id,
    indicator_name: name,
    parameters: defaults,
  };
}

/** The draft as arguments of `save_strategy`, which takes the positions from the order. */
export function strategyToSave(draft: Draft) {
  return { ...draft, components: draft.components.map(({ key: _key, ...component }) => component) };
}

/** The parameter schema of each indicator, by its id. */
export type Schemas = ReadonlyMap<string, ParametersSchema>;

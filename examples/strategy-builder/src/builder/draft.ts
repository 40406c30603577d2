import type {
  ComponentType,
  Indicator,
  MarketType,
  ParametersSchema,
  ParameterValues,
  StrategyDocument,
  Timeframe,
} from "pinebase";

/** The four slots of a strategy, in the order in which a person thinks of them. */
export const slots = [
  { type: "trend", label: "Trend", purpose: "Which way the market goes" },
  { type: "entry", label: "Entry", purpose: "When to open a position" },
  { type: "exit", label: "Exit", purpose: "When to close it" },
  { type: "stop_loss", label: "Stop loss", purpose: "When to give it up" },
] as const satisfies { type: ComponentType; label: string; purpose: string }[];

/** One indicator in a slot while the strategy is being edited. */
export interface DraftComponent {
  /** For React alone: a component has no id that outlives a save. */
  key: string;
  type: ComponentType;
  isCustom: boolean;
  indicatorId: string | null;
  name: string;
  parameters: ParameterValues;
}

/** A strategy while it is being edited. */
export type Draft = {
  name: string;
  description: string;
  market_type: MarketType | null;
  timeframe: Timeframe | null;
  components: DraftComponent[];
};

export const emptyDraft: Draft = {
  name: "",
  description: "",
  market_type: null,
  timeframe: null,
  components: [],
};

/** The saved strategy as a draft. */
export function draftOf(document: StrategyDocument): Draft {
  const { name, description, market_type, timeframe, components } = document;
  return {
    name,
    description: description ?? "",
    market_type,
    timeframe,
    components: components.map((component) => ({
      key: crypto.randomUUID(),
      type: component.component_type,
      isCustom: component.is_custom,
      indicatorId: component.indicator_id,
      name: component.indicator_name ?? "An indicator that is gone",
      parameters: component.parameters,
    })),
  };
}

/** An indicator of the library as a component, with its defaults. */
export function componentOf(indicator: Indicator): DraftComponent {
  return {
    key: crypto.randomUUID(),
    type: indicator.type,
    isCustom: indicator.is_custom,
    indicatorId: indicator.id,
    name: indicator.name,
    parameters: indicator.defaults,
  };
}

/** The draft's components as `save_strategy` takes them: positions follow from the order. */
export function componentsToSave(draft: Draft) {
  return draft.components.map(({ type, isCustom, indicatorId, name, parameters }) => ({
    component_type: type,
    is_custom: isCustom,
    indicator_id: indicatorId,
    indicator_name: name,
    parameters,
  }));
}

/** The parameter schema of each indicator, by its id. */
export type Schemas = ReadonlyMap<string, ParametersSchema>;

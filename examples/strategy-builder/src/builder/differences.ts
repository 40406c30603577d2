import { type Delta, diff } from "jsondiffpatch";
import type { StrategyDocument } from "pinebase";
import { slots } from "./draft.ts";

/** One value that differs between two versions. */
export interface Difference {
  path: string;
  before: string;
  after: string;
}

/** The differences between two versions of a strategy. */
export function differences(older: StrategyDocument, newer: StrategyDocument): Difference[] {
  return rows(diff(readable(older), readable(newer)), "");
}

/** The document in a form for people, with indicators by their slot and name instead of their position in a list. */
function readable(document: StrategyDocument): Record<string, unknown> {
  const { name, description, market_type, timeframe, config, components } = document;
  const ofSlot = slots.map(({ type, label }) => {
    const inSlot = components.filter((component) => component.component_type === type);
    const named = inSlot.map(({ indicator_name, parameters }, index) => {
      const isRepeated = inSlot.slice(0, index).some((earlier) => earlier.indicator_name === indicator_name);
      return [`${indicator_name}${isRepeated ? ` (${index + 1})` : ""}`, parameters] as const;
    });
    return [label, Object.fromEntries(named)] as const;
  });
  return {
    Name: name,
    Description: description,
    Market: market_type,
    Timeframe: timeframe,
    Settings: config,
    ...Object.fromEntries(ofSlot),
  };
}

/** jsondiffpatch gives [new], [old, new] or [old, 0, 0] for a value, and an object for changes inside a value. */
function rows(delta: Delta, path: string): Difference[] {
  if (!delta) return [];
  if (Array.isArray(delta)) {
    const [first, second] = delta;
    if (delta.length === 1) return [{ path, before: "", after: text(first) }];
    if (delta.length === 2) return [{ path, before: text(first), after: text(second) }];
    return [{ path, before: text(first), after: "" }];
  }
  return Object.entries(delta).flatMap(([name, inner]) => rows(inner as Delta, path ? `${path} › ${name}` : name));
}

function text(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

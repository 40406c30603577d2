import type { Catalog, DatabaseFunction } from "./catalog.ts";

/**
 * Tells which registered errors each function can end in: those that its own text names, those of the
 * functions that it calls, and those of the triggers on the tables that it writes. Read from the functions' text, so that
 * no list has to be kept; a call that a condition rules out counts too.
 *
 * @returns identifiers by `schema.name`, in the registry's order
 */
export function errorsOfFunctions(catalog: Catalog): Map<string, string[]> {
  const functions = new Map<string, DatabaseFunction>();
  for (const one of catalog.functions) functions.set(`${one.schema}.${one.name}`, one);
  const registered = catalog.errors.map(({ identifier }) => identifier);
  const steps = new Map([...functions].map(([name, { body }]) => [name, nextSteps(body, catalog)]));

  const result = new Map<string, string[]>();
  for (const name of functions.keys()) {
    const reached = reachable(name, steps);
    const texts = [...reached].map((one) => withoutComments(functions.get(one)?.body ?? ""));
    result.set(
      name,
      registered.filter((identifier) => texts.some((text) => text.includes(`'${identifier}'`))),
    );
  }
  return result;
}

function reachable(start: string, steps: ReadonlyMap<string, readonly string[]>): Set<string> {
  const seen = new Set([start]);
  // A set that grows while it is walked gives what was added, too.
  for (const name of seen) {
    for (const next of steps.get(name) ?? []) {
      if (steps.has(next)) seen.add(next);
    }
  }
  return seen;
}

/** What runs when this text does: the functions that it calls and the triggers of the tables that it writes. */
function nextSteps(body: string, catalog: Catalog): string[] {
  const text = withoutComments(body);
  const calls = [...text.matchAll(/\b((?:private|public)\.\w+)\s*\(/g)].map(([, name]) => name);
  const writes = [
    ...text.matchAll(/\b(insert into|update|delete from|merge into)\s+((?:public|private)\.\w+)/gi),
  ];
  const triggers = writes.flatMap(([, verb = "", target]) => {
    const events = eventsOf(verb, text);
    return catalog.tables
      .filter(({ schema, name }) => `${schema}.${name}` === target)
      .flatMap((table) => table.triggers)
      .filter((trigger) => trigger.events.some((event) => events.includes(event)))
      .map((trigger) => trigger.function);
  });
  return [...calls, ...triggers].filter((name) => name !== undefined);
}

function eventsOf(verb: string, text: string): string[] {
  const word = verb.toLowerCase().split(" ")[0] ?? "";
  if (word === "merge") return ["insert", "update", "delete"];
  const alsoUpdates = word === "insert" && /on conflict[^;]*do update/i.test(text);
  return alsoUpdates ? ["insert", "update"] : [word];
}

function withoutComments(body: string): string {
  return body.replace(/--.*$/gm, "");
}

import type { Catalog } from "./catalog.ts";

/**
 * The registered errors that each function can raise or return: those named in its own body, in the functions that it
 * calls, and in the triggers of the tables that it writes. They are read from the bodies, so that no list has to be
 * kept by hand; an error that a condition rules out is listed too.
 *
 * @returns identifiers by `schema.name`, in the registry's order
 */
export function errorsOfFunctions(catalog: Catalog): Map<string, string[]> {
  const bodies = new Map(
    catalog.functions.map(({ schema, name, body }) => [
      `${schema}.${name}`,
      body.replace(/--.*$/gm, ""),
    ]),
  );
  const triggers = new Map(
    catalog.tables.map(({ schema, name, triggers }) => [`${schema}.${name}`, triggers]),
  );
  return new Map([...bodies.keys()].map((name) => [name, errorsOf(name)]));

  function errorsOf(name: string): string[] {
    const reached = new Set([name]);
    // A Set that grows during the loop is iterated to its new end.
    for (const one of reached) for (const next of calledBy(one)) reached.add(next);
    const text = [...reached].map((one) => bodies.get(one)).join("\n");
    return catalog.errors
      .map(({ identifier }) => identifier)
      .filter((identifier) => text.includes(`'${identifier}'`));
  }

  function calledBy(name: string): string[] {
    const text = bodies.get(name) ?? "";
    const calls = text.matchAll(/\b((?:private|public)\.\w+)\s*\(/g);
    const writes = text.matchAll(
      /\b(insert|update|delete|merge)(?: into| from)?\s+((?:public|private)\.\w+)/gi,
    );
    return [
      ...[...calls].map(([, called = ""]) => called),
      ...[...writes].flatMap(([, verb = "", table = ""]) => triggeredBy(verb, table, text)),
    ];
  }

  function triggeredBy(verb: string, table: string, text: string): string[] {
    const events = [verb.toUpperCase()];
    if (events[0] === "INSERT" && /on conflict[^;]*do update/i.test(text)) events.push("UPDATE");
    return (triggers.get(table) ?? []).flatMap((definition) => {
      const [, on = "", called = ""] =
        /^(.+?) ON .+ EXECUTE FUNCTION (.+?)\(/.exec(definition) ?? [];
      return verb === "merge" || events.some((event) => on.includes(event)) ? [called] : [];
    });
  }
}

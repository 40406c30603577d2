import { z } from "zod";
import { code, markdownTable } from "./markdown.ts";
import type { Comments } from "./source-comments.ts";

/** What a reference knows of the schemas in it. */
export interface SchemaIndex {
  /** The documents that have a section of their own, with the file and heading that a link leads to. */
  links: ReadonlyMap<z.core.$ZodType, string>;
  /** The names under which the schemas are exported. */
  names: ReadonlyMap<z.core.$ZodType, string>;
  comments: Comments;
}

/** The fields of an object schema as a table: name, type, meaning. */
export function fieldTable(schema: z.core.$ZodType, index: SchemaIndex): string {
  return markdownTable(["field", "type", ""], fieldRows(schema, index, ""));
}

function fieldRows(schema: z.core.$ZodType, index: SchemaIndex, prefix: string): string[][] {
  const { inner } = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  const owner = index.names.get(inner) ?? "";
  return Object.entries<z.core.$ZodType>(inner.shape).flatMap(([name, field]) => {
    const { inner: plain, optional, nullable, list } = unwrap(field);
    const path = `${prefix}${name}${list ? "[]" : ""}`;
    const nested = plain instanceof z.ZodObject && !index.links.has(plain);
    const type = [
      nested
        ? list
          ? "list of objects"
          : "object"
        : `${list ? "list of " : ""}${typeText(plain, index)}`,
      nullable ? "or null" : "",
      optional ? "(optional)" : "",
    ];
    const row = [
      code(path),
      type.filter((part) => part !== "").join(" "),
      index.comments.get(`${owner}.${name}`) ?? "",
    ];
    return [row, ...(nested ? fieldRows(plain, index, `${path}.`) : [])];
  });
}

/** A type in a few words, with its bounds; a document by its link. */
export function typeText(schema: z.core.$ZodType, index: SchemaIndex): string {
  const link = index.links.get(schema);
  if (link) return link;
  if (schema instanceof z.ZodEnum) return schema.options.map((one) => code(String(one))).join(", ");
  if (schema instanceof z.ZodLiteral)
    return [...schema.values].map((one) => code(String(one))).join(", ");
  if (schema instanceof z.ZodUnion) {
    return schema.options.map((one) => typeText(unwrap(one).inner, index)).join(" or ");
  }
  if (schema instanceof z.ZodRecord) return "object";
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const bounds = [
    json.format === "uuid" ? "uuid" : "",
    range(json.minLength, json.maxLength, " characters"),
    range(bound(json.minimum), bound(json.maximum), ""),
  ].filter((text) => text !== "");
  return [json.type ?? "any JSON value", ...bounds].join(", ");
}

/** An integer's own bounds, those of exact numbers in JavaScript, say nothing. */
function bound(value: number | undefined): number | undefined {
  return Math.abs(value ?? 0) < Number.MAX_SAFE_INTEGER ? value : undefined;
}

function range(minimum: number | undefined, maximum: number | undefined, unit: string): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}${unit}`;
  if (maximum !== undefined) return `at most ${maximum}${unit}`;
  return minimum === undefined ? "" : `at least ${minimum}${unit}`;
}

interface Unwrapped {
  inner: z.core.$ZodType;
  optional: boolean;
  nullable: boolean;
  list: boolean;
}

function unwrap(schema: z.core.$ZodType): Unwrapped {
  let inner = schema;
  const found = { optional: false, nullable: false, list: false };
  for (;;) {
    if (inner instanceof z.ZodOptional) found.optional = true;
    else if (inner instanceof z.ZodNullable) found.nullable = true;
    else if (inner instanceof z.ZodArray && !found.list) {
      found.list = true;
      inner = inner.element;
      continue;
    } else return { inner, ...found };
    inner = inner.unwrap();
  }
}

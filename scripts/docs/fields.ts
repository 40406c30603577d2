import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import * as functionSchemas from "../../supabase/functions/_shared/http/schemas.ts";
import * as documents from "../../types/documents.ts";
import * as json from "../../types/json.ts";
import { projectDir } from "../local/paths.ts";
import { code, markdownTable } from "./markdown.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The documents that the RPCs return: zod schemas by their exported names. */
export const documentSchemas = { ...json, ...documents };

const comments = new Map(
  ["types/json.ts", "types/documents.ts", "supabase/functions/_shared/http/schemas.ts"].flatMap(
    readComments,
  ),
);

const registry = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries({ ...documentSchemas, ...functionSchemas })) {
  if (schema instanceof z.ZodType) registry.add(schema, { id });
}

/** The exported schemas as JSON Schema, in which a document inside another one is a reference by its name. */
const jsonSchemas: Record<string, JsonSchema> = z.toJSONSchema(registry, {
  io: "input",
  unrepresentable: "any",
  uri: (id) => id,
}).schemas;

/** `strategyDocumentSchema` is the schema of StrategyDocument. */
export function documentName(schemaName: string): string {
  return schemaName.replace(/Schema$/, "").replace(/^./, (letter) => letter.toUpperCase());
}

/** The comment before an exported schema. */
export function commentOf(schemaName: string): string {
  return comments.get(schemaName) ?? "";
}

/** The fields of an exported schema as a table, or its type where it has no fields. */
export function fieldTable(schema: z.ZodType): string {
  const name = registry.get(schema)?.id ?? "";
  const shape = jsonSchemas[name] ?? {};
  const rows = fieldRows(name, shape, "");
  return markdownTable(["field", "type", ""], rows) || `A value of type ${typeText(shape)}.`;
}

/** The comments of the exported constants in a file and of their fields, by `schema` and `schema.field`. */
function readComments(path: string): [name: string, comment: string][] {
  const text = readFileSync(join(projectDir, path), "utf8");
  const named = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^(export const | {2})(\w+)(?=:| =)/gm;
  let owner = "";
  return [...text.matchAll(named)].flatMap(([, comment = "", before, name = ""]) => {
    if (before !== "  ") owner = name;
    const words = comment.replace(/\n \*/g, " ").replace(/\s+/g, " ").trim();
    return words === "" ? [] : [[before === "  " ? `${owner}.${name}` : name, words]];
  });
}

function fieldRows(owner: string, schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (typeof field === "boolean") return [];
    const path = `${prefix}${name}`;
    const optional = schema.required?.includes(name) ? "" : " (optional)";
    const row = [
      code(path),
      `${typeText(field)}${optional}`,
      comments.get(`${owner}.${path}`) ?? "",
    ];
    const items = field.type === "array" ? (field.items as JsonSchema) : null;
    return [row, ...fieldRows(owner, items ?? field, items ? `${path}[].` : `${path}.`)];
  });
}

/** The type of an answer in a few words. */
export function answerType(schema: z.ZodType): string {
  const id = registry.get(schema)?.id;
  if (id) return typeText({ $ref: id });
  if (schema instanceof z.ZodArray) return `list of ${answerType(schema.element as z.ZodType)}`;
  return optionText(z.toJSONSchema(schema));
}

/** A type in a few words with its bounds, which carry the names of JSON Schema; a document as a link. */
function typeText(schema: JsonSchema): string {
  if (schema.$ref) {
    const name = documentName(schema.$ref);
    return `[${name}](documents.md#${name.toLowerCase()})`;
  }
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(optionText))].join(" or ");
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(", ");
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.type === "array") return `list of ${typeText(schema.items as JsonSchema)}`;
  const bounds = Object.entries(schema).flatMap(([key, value]) =>
    /^(min|max|format)/.test(key) && !(Math.abs(Number(value)) >= Number.MAX_SAFE_INTEGER)
      ? [`${key} ${value}`]
      : [],
  );
  const types = [schema.type ?? "any JSON value"].flat().join(" or ");
  return [types, ...bounds].join(", ");
}

/** One of several types. An object is shown by the names of its fields, because none of them has a row of its own. */
function optionText(schema: JsonSchema): string {
  const names = Object.keys(schema.properties ?? {});
  return names.length === 0 ? typeText(schema) : code(`{${names.join(", ")}}`);
}

import { z } from "zod";
import type { Json } from "./database.types.ts";

/** A JSON object. */
export type JsonObject = { [key: string]: Json | undefined };

/** A JSON object with any fields. */
export const jsonObjectSchema: z.ZodType<JsonObject, JsonObject> = z.record(z.string(), z.json());

/** Parameter values of a component, or the defaults of an indicator, by name. */
export const parameterValuesSchema = z.record(
  z.string(),
  z.union([z.number(), z.boolean(), z.string()]),
);
/** Parameter values of a component, or the defaults of an indicator, by name. */
export type ParameterValues = z.infer<typeof parameterValuesSchema>;

/** One parameter in the JSON Schema of an indicator. */
export const parameterSchemaSchema = z.object({
  type: z.enum(["integer", "number", "boolean", "string"]),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  multipleOf: z.number().optional(),
  enum: z.array(z.union([z.number(), z.boolean(), z.string()])).optional(),
  default: z.union([z.number(), z.boolean(), z.string()]).optional(),
  title: z.string().optional(),
  description: z.string().optional(),
});

/** The JSON Schema of an indicator's parameters, in the subset that the database accepts. */
export const parametersSchemaSchema = z.object({
  type: z.literal("object").optional(),
  properties: z.record(z.string(), parameterSchemaSchema).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.literal(false).optional(),
  title: z.string().optional(),
  description: z.string().optional(),
});
/** The JSON Schema of an indicator's parameters, in the subset that the database accepts. */
export type ParametersSchema = z.infer<typeof parametersSchemaSchema>;

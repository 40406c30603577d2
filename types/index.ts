export * from "../supabase/functions/_shared/http/errors.ts";
export * from "../supabase/functions/_shared/http/schemas.ts";
export type {
  Database,
  GeneratedDatabase,
  ServiceDatabase,
  ServiceWithPinebase,
  Tables,
  TablesInsert,
  TablesUpdate,
  WithPinebase,
} from "./database.ts";
export type { Json } from "./database.types.ts";
export * from "./documents.ts";
export { messageOf, type PinebaseError, toPinebaseError } from "./errors.ts";
export { type FunctionClient, type FunctionName, invokeFunction } from "./functions.ts";
export * from "./json.ts";
export { rpcAnswerSchemas } from "./rpcs.ts";
export * from "./values.ts";

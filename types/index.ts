export * from "../supabase/functions/_shared/errors.ts";
export * from "../supabase/functions/_shared/schemas.ts";
export type {
  Database,
  GeneratedDatabase,
  Tables,
  TablesInsert,
  TablesUpdate,
  WithPinebase,
} from "./database.ts";
export type { Json } from "./database.types.ts";
export * from "./documents.ts";
export { type PinebaseError, toPinebaseError } from "./errors.ts";
export * from "./json.ts";
export { rpcAnswerSchemas } from "./rpcs.ts";
export * from "./values.ts";

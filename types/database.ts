import type { NarrowColumns } from "./columns.ts";
import type { Database as Generated } from "./database.types.ts";
import type { NarrowTable } from "./narrow.ts";
import type { InternalRpc, Rpcs } from "./rpcs.ts";

/** What the Supabase CLI writes for a project; only what stands in schema public matters here. */
export interface GeneratedDatabase {
  public: { Tables: object; Views: object; Functions: object };
}

type GeneratedTables = Generated["public"]["Tables"];

type TablesWith<Own> = {
  [Name in keyof Own | keyof GeneratedTables]: Name extends keyof GeneratedTables
    ? NarrowTable<
        Name extends keyof Own ? Own[Name] : GeneratedTables[Name],
        Name extends keyof NarrowColumns ? NarrowColumns[Name] : unknown
      >
    : Name extends keyof Own
      ? Own[Name]
      : never;
};

type FunctionsWith<Own> = {
  [Name in Exclude<keyof Own, InternalRpc> | keyof Rpcs]: Name extends keyof Rpcs
    ? Rpcs[Name]
    : Name extends keyof Own
      ? Own[Name]
      : never;
};

type PublicWith<Own extends GeneratedDatabase["public"]> = {
  [Part in keyof Own]: Part extends "Tables"
    ? TablesWith<Own["Tables"]>
    : Part extends "Functions"
      ? FunctionsWith<Own["Functions"]>
      : Own[Part];
};

/**
 * An app's own generated types, `supabase gen types --lang typescript`, with Pinebase's tables and functions
 * narrowed: JSON columns, text columns of a few values, answers and arguments of functions.
 */
export type WithPinebase<Own extends GeneratedDatabase> = {
  [Schema in keyof Own]: Schema extends "public" ? PublicWith<Own["public"]> : Own[Schema];
};

/** Types `createClient<Database>()` where the app has no tables of its own. */
export type Database = WithPinebase<Generated>;

/** The same type, which an editor writes out field by field. */
type Shown<Shape> = { [Name in keyof Shape]: Shape[Name] } & {};

type PublicTables = Database["public"]["Tables"];

/** A row of a table as it is read. */
export type Tables<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Row"]>;

/** A row of a table as it is inserted. */
export type TablesInsert<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Insert"]>;

/** The columns of a table as they are updated. */
export type TablesUpdate<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Update"]>;

import type { NarrowColumns } from "./columns.ts";
import type { Database as Generated, UserColumns, UserFunctions } from "./database.types.ts";
import type { NarrowTable, PermittedTable } from "./narrow.ts";
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

/** The tables without what a signed-in user may not touch; those of the app's own are left alone. */
type UserTables<Tables> = {
  [Name in keyof Tables as Name extends Exclude<keyof GeneratedTables, keyof UserColumns>
    ? never
    : Name]: Name extends keyof UserColumns
    ? PermittedTable<Tables[Name], UserColumns[Name]>
    : Tables[Name];
};

type FunctionsWith<Own> = {
  [Name in Exclude<keyof Own, InternalRpc> | keyof Rpcs]: Name extends keyof Rpcs
    ? Rpcs[Name]
    : Name extends keyof Own
      ? Own[Name]
      : never;
};

type ServicePublic<Own extends GeneratedDatabase["public"]> = {
  [Part in keyof Own]: Part extends "Tables"
    ? TablesWith<Own["Tables"]>
    : Part extends "Functions"
      ? FunctionsWith<Own["Functions"]>
      : Own[Part];
};

type UserPublic<Service extends { Tables: object; Functions: object }> = {
  [Part in keyof Service]: Part extends "Tables"
    ? UserTables<Service["Tables"]>
    : Part extends "Functions"
      ? Omit<Service["Functions"], Exclude<keyof Rpcs, UserFunctions>>
      : Service[Part];
};

/**
 * An app's own generated types, `supabase gen types --lang typescript`, for a server that holds the secret key:
 * Pinebase's tables and functions are narrowed where the generated types say less than the database does (JSON
 * columns, text columns of a few values, answers and arguments of functions).
 */
export type ServiceWithPinebase<Own extends GeneratedDatabase> = {
  [Schema in keyof Own]: Schema extends "public" ? ServicePublic<Own["public"]> : Own[Schema];
};

/**
 * The same for an app that acts as its signed-in user. What a user may not read or write is not in Row, Insert and
 * Update, and the functions of the service role are not there.
 */
export type WithPinebase<Own extends GeneratedDatabase> = {
  [Schema in keyof Own]: Schema extends "public"
    ? UserPublic<ServicePublic<Own["public"]>>
    : Own[Schema];
};

/** Types `createClient<ServiceDatabase>()` on a server that holds the secret key. */
export type ServiceDatabase = ServiceWithPinebase<Generated>;

/** Types `createClient<Database>()` in an app that has no tables of its own. */
export type Database = WithPinebase<Generated>;

/** The same type, which an editor writes out field by field. */
type Shown<Shape> = { [Name in keyof Shape]: Shape[Name] } & {};

type PublicTables = Database["public"]["Tables"];

/** A row of a table as a signed-in user reads it. */
export type Tables<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Row"]>;

/** A row of a table as a signed-in user inserts it; never where they may not. */
export type TablesInsert<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Insert"]>;

/** The columns of a table that a signed-in user may update; never where there are none. */
export type TablesUpdate<Name extends keyof PublicTables> = Shown<PublicTables[Name]["Update"]>;

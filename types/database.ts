import type { NarrowColumns } from "./columns.ts";
import type { Database as Generated, UserColumns, UserFunctions } from "./database.types.ts";
import type { NarrowTable, PermittedTable } from "./narrow.ts";
import type { InternalRpc, Rpcs } from "./rpcs.ts";

/** The part that is used here of the types that the Supabase CLI generates for a project. */
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

/** The tables without what a signed-in user may not use. The app's own tables stay unchanged. */
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
 * An app's own generated types (`supabase gen types --lang typescript`) for a server that holds the secret key.
 * Pinebase's tables and functions get narrower types than the generated ones where the database guarantees them: for JSON
 * columns, text columns of a few values, and answers and arguments of functions.
 */
export type ServiceWithPinebase<Own extends GeneratedDatabase> = {
  [Schema in keyof Own]: Schema extends "public" ? ServicePublic<Own["public"]> : Own[Schema];
};

/**
 * The same for an app that acts as its signed-in user. Row, Insert and Update only have what a user may read or write, and
 * the functions of the service role are left out.
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

/** The same type in a form that editors show field by field. */
type Expanded<Shape> = { [Name in keyof Shape]: Shape[Name] } & {};

type PublicTables = Database["public"]["Tables"];

/** A row of a table as a signed-in user reads it. */
export type Tables<Name extends keyof PublicTables> = Expanded<PublicTables[Name]["Row"]>;

/** A row of a table as a signed-in user inserts it; `never` where they may not. */
export type TablesInsert<Name extends keyof PublicTables> = Expanded<PublicTables[Name]["Insert"]>;

/** The columns of a table that a signed-in user may update; `never` where there are none. */
export type TablesUpdate<Name extends keyof PublicTables> = Expanded<PublicTables[Name]["Update"]>;

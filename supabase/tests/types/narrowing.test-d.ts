import type { NarrowColumns } from "../../../types/columns.ts";
import type { Database as Generated } from "../../../types/database.types.ts";
import type { Database, Tables } from "../../../types/index.ts";
import type { ForgottenRpcs } from "../../../types/rpcs.ts";

/*
 * Rules of the narrowed types. Nothing here runs: tsc fails if a rule is broken.
 */

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type IsAny<T> = 0 extends 1 & T ? true : false;

function holds<_Rule extends true>(): void {}

// Every function of the database has a narrowed answer or is internal, and no other function has one.
holds<Equal<ForgottenRpcs, never>>();

// Every narrowed column exists.
type GeneratedTables = Generated["public"]["Tables"];
type StrayColumns = {
  [Table in keyof NarrowColumns]: Exclude<
    keyof NarrowColumns[Table],
    Table extends keyof GeneratedTables ? keyof GeneratedTables[Table]["Row"] : never
  >;
}[keyof NarrowColumns];
holds<Equal<StrayColumns, never>>();

// A narrowed column is as nullable and as optional as before.
holds<Equal<Tables<"strategies">["timeframe"], "1m" | "5m" | "15m" | "1h" | "4h" | "1d" | null>>();
type Insert = Database["public"]["Tables"]["strategies"]["Insert"];
holds<Equal<undefined extends Insert["market_type"] ? true : false, true>>();
holds<Equal<undefined extends Insert["config"] ? true : false, false>>();

// No function's answer is of type any or of unspecified JSON.
type Functions = Database["public"]["Functions"];
type Vague = {
  [Name in keyof Functions]: IsAny<Functions[Name]["Returns"]> extends true
    ? Name
    : GeneratedJson extends Functions[Name]["Returns"]
      ? Name
      : never;
}[keyof Functions];
type GeneratedJson = Generated["public"]["Functions"]["get_my_account"]["Returns"];
holds<Equal<Vague, never>>();

// Exactly the arguments that can be omitted can be null.
type Save = Functions["save_strategy"]["Args"];
holds<Equal<null extends Save["description"] ? true : false, true>>();
type Consume = Functions["consume_credits"]["Args"];
holds<Equal<null extends Consume["amount"] ? true : false, false>>();

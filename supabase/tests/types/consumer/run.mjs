import { FunctionsHttpError, PostgrestError } from "@supabase/supabase-js";
import * as pinebase from "pinebase";
import { report } from "./report.cjs";

console.log(JSON.stringify(await report("esm", pinebase, { FunctionsHttpError, PostgrestError })));

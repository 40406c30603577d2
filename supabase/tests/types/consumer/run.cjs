"use strict";
const supabase = require("@supabase/supabase-js");
const pinebase = require("pinebase");
const { report } = require("./report.cjs");

report("cjs", pinebase, supabase).then((found) => console.log(JSON.stringify(found)));

#!/usr/bin/env node
/* The door of `npx pinebase <command>` in an app's project.
 *
 * Written in old CommonJS on purpose, so that a Node that is too old to run anything else here still
 * reads this file and says so. The commands are in dist/cli, built from the scripts of this package. */
"use strict";

var path = require("path");
var url = require("url");

var OLDEST_NODE = [20, 12];

function fail(message, next) {
  process.stderr.write("error: " + message + "\n" + (next ? next + "\n" : ""));
  process.exit(1);
}

var node = process.version.slice(1).split(".").map(Number);
if (node[0] < OLDEST_NODE[0] || (node[0] === OLDEST_NODE[0] && node[1] < OLDEST_NODE[1])) {
  fail(
    "Pinebase needs Node " +
      OLDEST_NODE.join(".") +
      " or newer, and this is Node " +
      node.join(".") +
      ".",
    "Install a current version from https://nodejs.org and run the command again."
  );
}

import(url.pathToFileURL(path.join(__dirname, "..", "..", "dist", "cli", "main.js")).href)
  .then(function (cli) {
    return cli.main(process.argv.slice(2));
  })
  .then(
    function (code) {
      process.exit(code);
    },
    function (error) {
      if (error && error.name === "UserError") {
        fail(error.message, error.next);
      }
      process.stderr.write(((error && error.stack) || String(error)) + "\n");
      process.exit(1);
    }
  );

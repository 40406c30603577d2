/* The door of every command: `node scripts/run.cjs <command> [arguments]`.
 *
 * Written in old CommonJS on purpose, so that a Node that is too old to run anything else here still
 * reads this file and says so. TypeScript is loaded in this process, without a child, so that Ctrl-C
 * and SIGTERM reach the command itself. */
"use strict";

var fs = require("fs");
var path = require("path");
var url = require("url");

var OLDEST_NODE = [20, 12];
var root = path.join(__dirname, "..");

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

var command = process.argv[2] || "";
var file = path.join(__dirname, command + ".ts");
if (!/^[a-z][a-z-]*$/.test(command) || !fs.existsSync(file)) {
  fail('There is no command "' + command + '".', "Run npm run to see the commands.");
}

if (!fs.existsSync(path.join(root, "node_modules", "tsx", "package.json"))) {
  fail("The dependencies are not installed.", "Run npm ci, then run the command again.");
}

// A relative path given by the caller means a path from where npm, or this, was called.
process.env.INIT_CWD = process.env.INIT_CWD || process.cwd();
process.chdir(root);
// Or tsx keeps what it compiles in the temporary folder for good, for a gain that nobody feels.
process.env.TSX_DISABLE_CACHE = "1";

var args = process.argv.slice(3);

import("tsx/esm/api")
  .then(function (tsx) {
    tsx.register();
    return import(url.pathToFileURL(path.join(__dirname, "lib", "mask-passwords.ts")).href);
  })
  .then(function (mask) {
    mask.maskPasswords(args);
    return import(url.pathToFileURL(path.join(__dirname, "lib", "help.ts")).href);
  })
  .then(function (help) {
    if (help.asksForHelp(args)) {
      process.stdout.write(help.helpOf(command) + "\n");
      return 0;
    }
    return import(url.pathToFileURL(file).href).then(function (loaded) {
      return loaded.run(args);
    });
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

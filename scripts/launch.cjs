/* Starts a command: refuses a Node that is too old, and tells a user's mistake in one sentence.
 *
 * Written in old CommonJS on purpose, so that a Node that is too old to run anything else here still
 * reads this file and says so. */
"use strict";

var OLDEST_NODE = [20, 12];

function fail(message, next) {
  process.stderr.write("error: " + message + "\n" + (next ? next + "\n" : ""));
  process.exit(1);
}

/* `start` gives a promise of the exit code. */
function launch(start) {
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
  start().then(
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
}

module.exports = { fail: fail, launch: launch };

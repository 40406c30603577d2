/* Starts a command: refuses versions of Node that are too old, and prints a user's mistake without a stack trace.
 *
 * Written in old CommonJS, so that a Node that is too old for the rest still runs this file and prints the reason. */
"use strict";

var OLDEST_NODE = [20, 12];

function fail(message, next) {
  process.stderr.write("error: " + message + "\n" + (next ? next + "\n" : ""));
  process.exit(1);
}

/* `start` returns a promise of the exit code. */
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
  // A reader of the output, such as head, may end first. The command then does the rest of its work unseen.
  process.stdout.on("error", function (error) {
    if (error.code !== "EPIPE") {
      throw error;
    }
  });
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

/* Starts every command of this repository: `node scripts/run.cjs <command> [arguments]`.
 *
 * The TypeScript runs in this process, not in a child, so that Ctrl-C and SIGTERM reach the command.
 * launch.cjs explains why this file is old CommonJS. */
"use strict";

var fs = require("fs");
var path = require("path");
var url = require("url");
var launcher = require("./launch.cjs");

var root = path.join(__dirname, "..");
var command = process.argv[2] || "";
var args = process.argv.slice(3);

function load(file) {
  return import(url.pathToFileURL(path.join(__dirname, file)).href);
}

launcher.launch(function () {
  if (!/^[a-z][a-z-]*$/.test(command) || !fs.existsSync(path.join(__dirname, command + ".ts"))) {
    launcher.fail('There is no command "' + command + '".', "Run npm run to list the commands.");
  }
  if (!fs.existsSync(path.join(root, "node_modules", "tsx", "package.json"))) {
    launcher.fail("The dependencies are not installed.", "Run npm ci, then run the command again.");
  }

  // Relative paths among the arguments are relative to the folder in which npm, or this file, was called.
  process.env.INIT_CWD = process.env.INIT_CWD || process.cwd();
  process.chdir(root);
  // tsx would leave its compiled files in the temporary folder, and saves little time by them.
  process.env.TSX_DISABLE_CACHE = "1";

  return import("tsx/esm/api")
    .then(function (tsx) {
      tsx.register();
      return load("lib/mask-passwords.ts");
    })
    .then(function (mask) {
      mask.maskPasswords(args);
      return load("lib/help.ts");
    })
    .then(function (help) {
      if (help.requestsHelp(args)) {
        process.stdout.write(help.helpOf(command) + "\n");
        return 0;
      }
      return load(command + ".ts").then(function (loaded) {
        return loaded.run(args);
      });
    });
});

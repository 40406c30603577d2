#!/usr/bin/env node
/* Starts `npx pinebase <command>` in an app's project. The commands are in dist/cli, built from the scripts of this
 * package. launch.cjs explains why this file is old CommonJS. */
"use strict";

var path = require("path");
var url = require("url");
var launcher = require("../launch.cjs");

launcher.launch(function () {
  var main = path.join(__dirname, "..", "..", "dist", "cli", "main.js");
  return import(url.pathToFileURL(main).href).then(function (cli) {
    return cli.main(process.argv.slice(2));
  });
});

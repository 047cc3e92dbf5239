#!/usr/bin/env node
// Written so that old versions of Node can read it too: what it is for is to tell them plainly that they are too old.
import { existsSync } from "fs";
import { fileURLToPath } from "url";

var version = process.versions.node.split(".").map(Number);
var checkout = existsSync(fileURLToPath(new URL("../src/main.ts", import.meta.url)));

function since(minor, patch) {
  return version[1] > minor || (version[1] === minor && version[2] >= patch);
}

// ^22.23.0 || ^24.17.0 || >=26.3.1, as in package.json.
function isSupported() {
  if (version[0] === 22) return since(23, 0);
  if (version[0] === 24) return since(17, 0);
  if (version[0] === 26) return since(3, 1);
  return version[0] > 26;
}

if (isSupported()) {
  import(checkout ? "../src/main.ts" : "../dist/main.js").catch(function (error) {
    var missing = error && error.code === "ERR_MODULE_NOT_FOUND" && checkout;
    console.error(missing ? 'spillway: run "npm ci" first (' + error.message + ")" : error);
    process.exitCode = 1;
  });
} else {
  var remedy = checkout ? ' In a checkout, run it through npm: "npm start".' : "";
  console.error("spillway needs Node 22.23+, 24.17+ or 26.3.1+; this is " + process.version + "." + remedy);
  process.exitCode = 1;
}

/**
 * An Express application that protects itself with Spillway as middleware, default configuration; without the word
 * `spillway` as the fourth argument, the same application unprotected. Arguments: PORT, places as in gated.ts, SEATS, [spillway].
 */
import { createServer } from "node:http";
import express from "express";
import { forwarder } from "../../contenders/forward.ts";
import { burn } from "./burn.ts";

const app = express();
app.disable("x-powered-by");
if (process.argv[5] === "spillway") {
  const { spillway } = await import(new URL("../../../../dist/index.js", import.meta.url).href);
  const map = { critical: "critical", default: "default", sheddable: "sheddable" };
  const routes = [{ name: "all", match: { path: "/*" }, dependency: "next", priority: { header: "x-class", map } }];
  app.use(spillway({ routes }, { log: false }));
}
app.get("/burn/{*rest}", (_request, response) => {
  burn();
  response.json({});
});
app.use(forwarder(JSON.parse(process.argv[3])[0].origin));
createServer(app).listen(Number(process.argv[2]), "127.0.0.1", 4096);

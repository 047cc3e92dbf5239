/** Express 5 answering a prepared buffer by itself: what a hit costs in it at least. Arguments: PORT, UPSTREAM, SIZE. */
import express from "express";
import { body } from "../answer.ts";

const content = Buffer.from(body(Number(process.argv[4] ?? 1024)));
const app = express();
app.get("/{*path}", (_req, res) => {
  res.type("application/json").send(content);
});
app.listen(Number(process.argv[2]), "127.0.0.1");

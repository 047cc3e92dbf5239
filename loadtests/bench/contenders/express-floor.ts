/** Express 5 with nothing but {@link forwarder} in it, on the server of the floor. Arguments: PORT, UPSTREAM. */
import { createServer } from "node:http";
import express from "express";
import { forwarder } from "./forward.ts";

const app = express();
app.disable("x-powered-by");
app.use(forwarder(process.argv[3] ?? ""));
createServer({ optimizeEmptyRequests: true }, app).listen(Number(process.argv[2]), "127.0.0.1");

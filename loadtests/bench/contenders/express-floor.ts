/** Express 5 with nothing but {@link forwarder} in it. Arguments: PORT, UPSTREAM. */
import express from "express";
import { forwarder } from "./forward.ts";

const app = express();
app.disable("x-powered-by");
app.use(forwarder(process.argv[3] ?? ""));
app.listen(Number(process.argv[2]), "127.0.0.1");

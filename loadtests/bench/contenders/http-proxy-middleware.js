/**
 * http-proxy-middleware on Express 5, with the keep-alive agent its documentation advises: without one it opens a
 * connection a request. Arguments: PORT, UPSTREAM.
 */
import { Agent } from "node:http";
import express from "express";
import { createProxyMiddleware } from "http-proxy-middleware";

const app = express();
app.disable("x-powered-by");
app.use(createProxyMiddleware({ target: process.argv[3], agent: new Agent({ keepAlive: true }) }));
app.listen(Number(process.argv[2]), "127.0.0.1");

/** @fastify/http-proxy with its defaults. Arguments: PORT, UPSTREAM. */
import proxy from "@fastify/http-proxy";
import fastify from "fastify";

const app = fastify({ logger: false });
await app.register(proxy, { upstream: process.argv[3] });
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });

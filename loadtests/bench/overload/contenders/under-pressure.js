/**
 * fastify with @fastify/under-pressure at the thresholds of its manual. Arguments as in gated.ts. Paths below /burn take
 * 20 ms of this process's own time.
 */
import proxy from "@fastify/http-proxy";
import underPressure from "@fastify/under-pressure";
import fastify from "fastify";
import { burn } from "./burn.ts";

const app = fastify({ logger: false });
await app.register(underPressure, { maxEventLoopDelay: 1000, maxEventLoopUtilization: 0.98 });
app.get("/burn/*", (_request, reply) => {
  burn();
  return reply.send("{}");
});
for (const { prefix, origin } of JSON.parse(process.argv[3])) {
  const path = prefix === "/" ? "" : prefix.replace(/\/$/, "");
  await app.register(proxy, { upstream: origin, prefix: path, rewritePrefix: path });
}
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });

/** Node's own HTTP server answering by itself: what a request costs before anything is passed on. Arguments: PORT, UPSTREAM, SIZE. */
import { createServer } from "node:http";
import { body } from "../answer.ts";

const content = Buffer.from(body(Number(process.argv[4] ?? 1024)));
const head = ["Content-Type", "application/json; charset=utf-8", "Content-Length", String(content.length)];

const server = createServer((_req, res) => {
  res.writeHead(200, head).end(content);
});
server.listen(Number(process.argv[2]), "127.0.0.1");

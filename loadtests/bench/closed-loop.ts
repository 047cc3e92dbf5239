/**
 * Closed-loop generator for machines without wrk: each connection sends its next request as soon as the last answer is
 * there. Prints one JSON line. Arguments: PORT, connections, seconds.
 */
import { connect } from "node:net";
import { AnswerReader } from "./answer-reader.ts";
import { quantile } from "./statistics.ts";

const [port = 0, connections = 64, seconds = 2] = process.argv.slice(2).map(Number);
const request = `GET /bench HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
const millis: number[] = [];
const counts = { requests: 0, non2xx: 0, socketErrors: 0 };
const until = performance.now() + seconds * 1000;

function open(): void {
  let sent = 0;
  let ended = false;
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const send = () => {
    sent = performance.now();
    if (sent < until) socket.write(request);
    else {
      ended = true;
      socket.destroy();
    }
  };
  const reader = new AnswerReader((status) => {
    millis.push(performance.now() - sent);
    counts.requests++;
    if (status < 200 || status > 299) counts.non2xx++;
    send();
  });
  socket.on("connect", send);
  socket.on("data", (read: Buffer) => reader.feed(read));
  socket.on("error", () => counts.socketErrors++);
  socket.on("close", () => {
    if (!ended && performance.now() < until) setTimeout(open, 10);
  });
  setTimeout(() => socket.destroy(), seconds * 1000 + 1000).unref();
}

for (let i = 0; i < connections; i++) open();
process.once("beforeExit", () => {
  const p50 = quantile(millis, 0.5);
  const p99 = quantile(millis, 0.99);
  process.stdout.write(`${JSON.stringify({ ...counts, seconds, p50, p99 })}\n`);
});

/**
 * Open-loop generator: sends at a fixed rate whether or not answers come, so that a slow contender is not asked less.
 * A request waits only for a free connection, and that wait counts. The lateness of our own timer does not: time runs
 * from the tick in which a request fell due. Prints one JSON line. Arguments: PORT, connections, seconds, rate a second.
 */
import { type Socket, connect } from "node:net";
import { AnswerReader } from "./answer-reader.ts";
import { quantile } from "./statistics.ts";

interface Line {
  socket: Socket;
  /** When the request under way fell due, in milliseconds. */
  due: number;
}

const [port = 0, connections = 64, seconds = 2, rate = 2000] = process.argv.slice(2).map(Number);
const request = `GET /bench HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
const millis: number[] = [];
const waiting: number[] = [];
const idle: Line[] = [];
const counts = { requests: 0, non2xx: 0, socketErrors: 0 };

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const line: Line = { socket, due: 0 };
    const reader = new AnswerReader((status) => {
      millis.push(performance.now() - line.due);
      counts.requests++;
      if (status < 200 || status > 299) counts.non2xx++;
      const due = waiting.shift();
      if (due === undefined) idle.push(line);
      else send(line, due);
    });
    socket.on("data", (read: Buffer) => reader.feed(read));
    socket.once("connect", () => {
      idle.push(line);
      resolve();
    });
    socket.on("error", (error) => {
      counts.socketErrors++;
      reject(error);
    });
  });
}

function send(line: Line, due: number): void {
  line.due = due;
  line.socket.write(request);
}

await Promise.all(Array.from({ length: connections }, open));
const start = performance.now();
let sent = 0;
const ticker = setInterval(() => {
  const now = performance.now();
  const owed = Math.min(rate * seconds, Math.floor(((now - start) * rate) / 1000));
  for (; sent < owed; sent++) {
    const line = idle.shift();
    if (line === undefined) waiting.push(now);
    else send(line, now);
  }
  if (sent >= rate * seconds) clearInterval(ticker);
}, 1);

setTimeout(
  () => {
    const unanswered = sent - counts.requests;
    const p50 = quantile(millis, 0.5);
    const p99 = quantile(millis, 0.99);
    process.stdout.write(`${JSON.stringify({ ...counts, unanswered, seconds, p50, p99 })}\n`, () => process.exit());
  },
  seconds * 1000 + 500,
);

/**
 * One big body through a contender, over one connection. Prints one JSON line with the seconds it took.
 * Arguments: PORT, `down` or `up`, octets.
 */
import { connect } from "node:net";

const [portText, direction, octetsText] = process.argv.slice(2);
const octets = Number(octetsText);
const socket = connect({ port: Number(portText), host: "127.0.0.1", noDelay: true });
const chunk = Buffer.alloc(64 * 1024, "x");
const began = performance.now();
let left = octets;

function upload(): void {
  while (left > 0) {
    const next = left < chunk.length ? chunk.subarray(0, left) : chunk;
    left -= next.length;
    if (!socket.write(next) && left > 0) {
      socket.once("drain", upload);
      return;
    }
  }
}

const host = `Host: 127.0.0.1:${portText}\r\n`;
if (direction === "up") {
  socket.write(`POST /bulk HTTP/1.1\r\n${host}Content-Length: ${octets}\r\n\r\n`);
  upload();
} else socket.write(`GET /bulk/${octets} HTTP/1.1\r\n${host}\r\n`);

let head: string | undefined = "";
let got = 0;
socket.on("data", (read: Buffer) => {
  got += read.length;
  if (head !== undefined) {
    head += read.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`the answer was ${head.slice(0, end)}`);
    got -= end + 4;
    head = undefined;
  }
  if (got < (direction === "up" ? 2 : octets)) return;
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - began) / 1000 })}\n`);
  socket.destroy();
});
socket.on("close", () => (process.exitCode = got < (direction === "up" ? 2 : octets) ? 1 : 0));

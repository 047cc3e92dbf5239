/**
 * The upstream of `--bulk`: sends a body of the size asked for (`GET /bulk/OCTETS`), reads one to its end and answers.
 * Like upstream.ts a `net` server, and no HTTP server: it takes bodies with a Content-Length and heads in one read.
 *
 * Arguments: PORT.
 */
import { createServer, type Socket } from "node:net";

const CHUNK = Buffer.alloc(64 * 1024, "x");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function send(socket: Socket, octets: number): void {
  let left = octets;
  const more = (): void => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!socket.write(chunk) && left > 0) {
        socket.once("drain", more);
        return;
      }
    }
  };
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${octets}\r\n\r\n`);
  more();
}

const server = createServer({ noDelay: true }, (socket) => {
  let toRead = 0;
  socket.on("data", (read: Buffer) => {
    let body = read.length;
    if (toRead === 0) {
      const end = read.indexOf("\r\n\r\n") + 4;
      const head = read.toString("latin1", 0, end);
      const asked = /^GET \/bulk\/(\d+) /.exec(head);
      if (asked) return send(socket, Number(asked[1]));
      toRead = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
      body -= end;
      if (toRead === 0) return void socket.write(OK);
    }
    toRead -= body;
    if (toRead === 0) socket.write(OK);
  });
  socket.on("error", () => socket.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");

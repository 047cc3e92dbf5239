/**
 * The upstream of the benchmarks: a `net` server with one prepared answer, so that it never is what limits a contender.
 * It counts ends of heads and reads no bodies: it is no HTTP server and serves nothing but GET from a generator.
 *
 * Arguments: PORT, size of the body in octets.
 */
import { createServer } from "node:net";
import { answer } from "./answer.ts";

const [port, size] = process.argv.slice(2).map(Number);
const prepared = answer(size ?? 1024);
const endOfHead = Buffer.from("\r\n\r\n");

const server = createServer({ noDelay: true }, (socket) => {
  /** How many octets of `\r\n\r\n` the last read ended with; a head may be cut anywhere. */
  let rest: Buffer | undefined;
  socket.on("data", (read: Buffer) => {
    let data = read;
    if (rest !== undefined) data = Buffer.concat([rest, read]);
    let from = 0;
    for (let end = data.indexOf(endOfHead); end !== -1; end = data.indexOf(endOfHead, from)) {
      from = end + endOfHead.length;
      socket.write(prepared);
    }
    rest = from < data.length ? data.subarray(from) : undefined;
  });
  socket.on("error", () => socket.destroy());
});
server.listen(port, "127.0.0.1");

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { oneRoute, startCommand } from "../support/command.ts";
import { connectRaw } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";
import { until } from "../support/wait.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const piece = Buffer.alloc(256 * 1024, "p");

/** Writes `size` octets as fast as the other side takes them. */
async function pour(socket: import("node:net").Socket, size: number): Promise<void> {
  for (let left = size; left > 0 && socket.writable; left -= piece.length) {
    const part = left < piece.length ? piece.subarray(0, left) : piece;
    if (!socket.write(part)) await new Promise((resolve) => socket.once("drain", resolve));
  }
}

/** An origin on raw sockets: `POST /up` counts, `GET /down` pours, `POST /echo` gives back what comes. */
async function startBulkOrigin() {
  return startRawOrigin(({ socket, closed }) => {
    socket.removeAllListeners("data");
    let head = "";
    let counted = 0;
    let taken: (chunk: Buffer) => void = (chunk) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const rest = Buffer.from(head.slice(end + 4), "latin1");
      if (head.startsWith("GET /down")) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\nConnection: close\r\n\r\n`);
        void pour(socket, GIB);
        taken = () => {};
        return;
      }
      const echo = head.startsWith("POST /echo");
      if (echo) socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${GIB}\r\n\r\n`);
      taken = (octets) => {
        counted += octets.length;
        if (echo && !socket.write(octets)) {
          socket.pause();
          socket.once("drain", () => socket.resume());
        }
        if (!echo && counted === GIB)
          socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone");
      };
      if (rest.length > 0) taken(rest);
    };
    socket.on("data", (chunk: Buffer) => taken(chunk));
    return closed.then(() => void socket.destroy());
  });
}

test(
  "a gibibyte up, down and both ways at once moves within 64 MiB of extra memory",
  { timeout: 400_000 },
  async (t) => {
    await using origin = await startBulkOrigin();
    await using command = await startCommand(oneRoute(origin.url, { listen: { maxBody: "2GiB" } }));
    // The first request loads code and grows the heap to its working size: not what is measured.
    for (let i = 0; i < 3; i++) {
      using client = await connectRaw(command.port);
      await client.send(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 * MIB}\r\n\r\n`, Buffer.alloc(8 * MIB));
      await until(() => client.received().length > 8 * MIB, { timeoutMs: 60_000, what: "8 MiB come back" });
    }
    for (const [what, head] of [
      ["up", `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`],
      ["down", "GET /down HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["both ways", `POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`],
    ] as const) {
      const before = command.rss();
      const startedAt = performance.now();
      const socket = connect(command.port, "127.0.0.1");
      let fault: Error | undefined;
      socket.on("error", (error) => (fault = error));
      let received = 0;
      socket.on("data", (chunk: Buffer) => (received += chunk.length));
      socket.write(head);
      if (what !== "down") void pour(socket, GIB);
      const wanted = what === "up" ? 100 : GIB;
      let most = 0;
      const sample = setInterval(() => (most = Math.max(most, command.rss())), 20);
      // How long it takes is the machine's affair.
      await until(() => received > wanted || fault, {
        timeoutMs: 120_000,
        what: () => `${what} ends; ${received} came back`,
      }).finally(() => clearInterval(sample));
      assert.equal(fault, undefined);
      socket.destroy();
      const took = performance.now() - startedAt;
      t.diagnostic(`${what}: ${Math.round(took)} ms, ${Math.round((most - before) / MIB)} MiB extra`);
      assert.ok(most - before < 64 * MIB, `${what}: ${(most - before) / MIB} MiB`);
    }
  },
);

test("60 readers who stop cost less than 128 MiB in all, garbage included", async (t) => {
  await using origin = await startBulkOrigin();
  await using command = await startCommand(oneRoute(origin.url, { listen: { writeTimeout: "30s" } }));
  {
    using client = await connectRaw(command.port);
    await client.send("GET /down HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.readHead();
  }
  const before = command.rss();
  const readers = [];
  for (let i = 0; i < 60; i++) {
    const client = await connectRaw(command.port);
    client.pauseReading();
    await client.send("GET /down HTTP/1.1\r\nHost: a\r\n\r\n");
    readers.push(client);
  }
  await until(() => origin.open >= 60, { what: "60 answers flow" });
  let last = -1;
  await until(
    async () => {
      const before = last;
      last = command.rss();
      await new Promise((resolve) => setTimeout(resolve, 200));
      return before === last;
    },
    { timeoutMs: 60_000, what: "memory stands still" },
  );
  t.diagnostic(`${Math.round((last - before) / MIB)} MiB extra`);
  assert.ok(last - before < 128 * MIB, `${(last - before) / MIB} MiB`);
  for (const client of readers) client.destroy();
});

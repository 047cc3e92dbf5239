import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { suite, test } from "node:test";
import { startClosedLoop } from "../support/closed-loop.ts";
import { oneRoute, startCommand } from "../support/command.ts";
import { connectRaw } from "../support/raw-client.ts";
import { startOrigin, startRawOrigin } from "../support/raw-origin.ts";
import { deadline, until } from "../support/wait.ts";

const readiness = (opsPort: number): Promise<number> =>
  fetch(`http://127.0.0.1:${opsPort}/readyz`).then(({ status }) => status);

suite("SIGTERM under load", () => {
  for (let round = 1; round <= 5; round++) {
    test(`drain ${round}: nothing accepted is lost, a long download ends whole, exit code 0`, async (t) => {
      const size = 200 * 65_536;
      await using origin = await startOrigin((request, response) => {
        if (request.url === "/slow") return void setTimeout(() => response.end("ok"), 700);
        if (request.url !== "/long") return void response.end("ok");
        let left = size;
        const timer = setInterval(() => {
          response.write(Buffer.alloc(size / 50));
          if ((left -= size / 50) > 0) return;
          clearInterval(timer);
          response.end();
        }, 25);
      });
      // What is asked between the signal and the end of the delay must get there in time on a busy machine, too.
      const drain = { delay: "2s", timeout: "30s" };
      await using command = await startCommand(oneRoute(origin.url, { drain }));
      using idle = await connectRaw(command.port);
      await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await idle.readResponse();
      using silent = await connectRaw(command.port);
      const long = new Promise<number>((resolve, reject) => {
        get({ port: command.port, path: "/long", agent: false }, (answer: IncomingMessage) => {
          let octets = 0;
          answer.on("data", (chunk: Buffer) => (octets += chunk.length));
          answer.on("close", () => (answer.complete ? resolve(octets) : reject(new Error(`cut after ${octets}`))));
        }).on("error", reject);
      });
      // What fails first is what is told, not that the download ends with it.
      long.catch(() => {});
      const load = startClosedLoop(command.port, 16);
      const slow = startClosedLoop(command.port, 16, "/slow");
      await until(() => load.served > 200 && slow.served > 0, { timeoutMs: 60_000, what: "load runs" });
      const before = load.served;
      command.child.kill("SIGTERM");
      await until(async () => (await readiness(command.opsPort)) === 503, { what: "readyz says 503" });
      // A load balancer sees that, and opens no connections any more; what is under way must end whole.
      const stopped = Promise.all([load.stop(), slow.stop()]);
      // Not ready, yet still serving: the connection that idled is told with its next answer.
      await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const told = await idle.readResponse();
      assert.deepEqual([told.status, told.header("connection")], [200, "close"]);
      const exited = deadline(command.exited, 60_000, () => `the end of the process; ${load.served} served`);
      assert.equal(await long, size);
      assert.equal(await exited, 0);
      await stopped;
      t.diagnostic(`${before} served before the signal, ${load.served + slow.served} in all`);
      assert.deepEqual([load.lost, slow.lost, load.refused, slow.refused], [[], [], 0, 0]);
      assert.ok(load.served > before);
      assert.equal(await deadline(silent.closed, 30_000, "the silent connection is closed"), "fin");
    });
  }

  test("a dead origin does not hold it beyond its deadline; a second SIGTERM ends at once", async () => {
    await using origin = await startRawOrigin(async (connection) => void (await connection.readRequest()));
    for (const again of [false, true]) {
      const began = performance.now();
      await using command = await startCommand(
        oneRoute(origin.url, {
          drain: { delay: "100ms", timeout: again ? "1m" : "500ms" },
          dependency: { timeout: "10m" },
        }),
      );
      const start = performance.now() - began;
      using client = await connectRaw(command.port);
      await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const asked = origin.received.length;
      await until(() => origin.received.length >= asked && origin.open > 0, { what: "the origin is asked" });
      const startedAt = performance.now();
      command.child.kill("SIGTERM");
      if (again) {
        await until(() => command.lines.some(({ event }) => event === "drain"), {
          what: "the drain has begun",
        });
        command.child.kill("SIGTERM");
      }
      const code = await deadline(command.exited, 60_000, "the end of the process");
      assert.equal(code, again ? 1 : 0);
      const took = performance.now() - startedAt;
      // The start of the process shows how long the machine takes over things.
      assert.ok(took < 3000 + start, `${took} ms, started in ${start} ms`);
    }
  });
});

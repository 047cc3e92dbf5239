import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { oneRoute, startCommand } from "../support/command.ts";
import { startOrigin } from "../support/raw-origin.ts";
import { until } from "../support/wait.ts";

const MIB = 1024 ** 2;
const LIMIT = 320;
/** Just under what is collected of a body before a dependency is asked: held by the gateway as long as it is not whole. */
const HELD = 60_000;
const CLIENTS = 4_000;

test("F11: under thousands of unfinished uploads it refuses from 80 % of its memory limit, and never passes it", async () => {
  await using origin = await startOrigin((_request, response) => void response.end("ok"));
  // A full event loop would refuse first.
  const listen = { maxMemory: `${LIMIT}MiB`, accessLog: false, bodyRate: "0B", saturation: "off" };
  const route = { name: "vip", match: { path: "/vip" }, dependency: "origin", priority: "critical" };
  const one = oneRoute(origin.url, { listen }) as { routes: object[] };
  await using command = await startCommand({ ...one, routes: [route, ...one.routes] });
  const ask = (path: string) => fetch(`http://127.0.0.1:${command.port}${path}`);
  assert.equal((await ask("/")).status, 200);

  const body = Buffer.alloc(HELD, "x");
  const sockets: Socket[] = [];
  let highest = 0;
  let refused: Response | undefined;
  for (let i = 0; i < CLIENTS; i++) {
    const socket = connect(command.port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    socket.on("data", () => {});
    socket.write(`POST /slow HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${HELD + 1}\r\n\r\n`);
    socket.write(body);
    sockets.push(socket);
    if (i % 50 !== 49) continue;
    await until(() => socket.bytesWritten > HELD || socket.destroyed, { what: "the upload was taken in" });
    highest = Math.max(highest, command.rss());
    // Beyond 90 % new connections are closed unread.
    const answer = await ask("/").catch(() => undefined);
    if (answer?.status === 503) refused ??= answer;
  }
  assert.ok(refused, `never refused, ${Math.round(highest / MIB)} MiB at most`);
  assert.equal(((await refused.json()) as { spillway: { reason: string } }).spillway.reason, "memory");
  assert.match(refused.headers.get("retry-after") ?? "", /^[1-5]$/);
  assert.ok(highest < LIMIT * MIB, `${Math.round(highest / MIB)} MiB at most`);
  assert.ok(highest > 0.8 * LIMIT * MIB, `${Math.round(highest / MIB)} MiB at most: the limit was not approached`);

  // Back to normal once they are gone.
  for (const socket of sockets) socket.destroy();
  await until(
    () =>
      ask("/").then(
        ({ status }) => status === 200,
        () => false,
      ),
    { timeoutMs: 60_000, what: "served again" },
  );
  assert.equal((await ask("/vip")).status, 200);
});

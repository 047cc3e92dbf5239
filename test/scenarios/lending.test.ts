import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { startSpillway } from "../support/spillway-process.ts";
import { until } from "../support/wait.ts";

/** An origin that holds every request, and knows how many it held at once at most. */
async function startHolding(t: TestContext) {
  const held: ServerResponse[] = [];
  const state = { most: 0 };
  const server = createServer((_request, response) => {
    held.push(response);
    state.most = Math.max(state.most, held.length);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, held, state };
}

const ONE_WORKER = 4;
const SEATS = 2 * ONE_WORKER;
/** One stays with the worker that nobody asks. */
const WITH_BORROWED = SEATS - 1;
const STREAMS = 20;

test("a worker that all requests come to borrows the seats of one that is idle, and the fixed limit holds", async (t) => {
  const origin = await startHolding(t);
  await using gateway = await startSpillway({
    listen: { workers: 2, h2c: true, accessLog: false },
    dependencies: {
      origin: {
        http: { targets: [origin.url] },
        timeout: "50s",
        limit: {
          algorithm: "fixed",
          initial: SEATS,
          queue: { depth: 100, default: "50s" },
        },
      },
    },
    routes: [{ match: { path: "/*" }, dependency: "origin" }],
  });
  // One connection, so one worker has them all.
  const session = connect(`http://127.0.0.1:${gateway.port}`);
  t.after(() => session.destroy());
  const statuses = Array.from({ length: STREAMS }, async () => {
    const stream = session.request({ ":path": "/" });
    stream.resume();
    return new Promise<number>((resolve, reject) => {
      stream.once("response", (headers) => resolve(Number(headers[":status"])));
      stream.once("error", reject);
    });
  });
  await until(() => origin.held.length === WITH_BORROWED, {
    timeoutMs: 10_000,
    what: () => `${WITH_BORROWED} are let through; ${origin.held.length} are`,
  });
  const answered = Promise.all(statuses);
  let done = false;
  void answered.then(() => (done = true));
  await until(
    () => {
      for (const response of origin.held.splice(0)) response.end("ok");
      return done;
    },
    { timeoutMs: 20_000, what: "all are answered" },
  );
  assert.deepEqual(
    await answered,
    Array.from({ length: STREAMS }, () => 200),
  );
  assert.equal(origin.state.most, WITH_BORROWED);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Crew } from "../../../src/cluster/crew.ts";
import { clusterFork } from "../../../src/cluster/fork.ts";
import { validateConfig } from "../../../src/config/load.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { deadPort } from "../../support/raw-origin.ts";

test("where the kernel does not share ports, workers share one socket", async () => {
  const { config, hash } = validateConfig({
    listen: { host: "127.0.0.1", accessLog: false },
    drain: { delay: "0ms" },
    routes: [{ match: { path: "/*" }, respond: { status: 200, body: "hello" } }],
  });
  const port = await deadPort();
  const crew = new Crew({
    size: 2,
    fork: clusterFork(),
    clock: systemClock,
    bus: createEventBus("test"),
    first: { config, hash, material: { tls: undefined, authorities: new Map(), fallbacks: new Map() } },
    start: { name: "gw", port, sharing: "handle", version: "1" },
  });
  try {
    await crew.start();
    for (let i = 0; i < 20; i++) {
      using connection = await connectRaw(port);
      await connection.send("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n");
      assert.equal((await connection.readResponse()).text(), "hello");
    }
    await crew.drain();
    await assert.rejects(connectRaw(port), { code: "ECONNREFUSED" });
  } finally {
    await crew.kill();
  }
});

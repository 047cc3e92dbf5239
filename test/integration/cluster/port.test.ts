import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { settlePort } from "../../../src/cluster/port.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { deadPort } from "../../support/raw-origin.ts";

const host = "127.0.0.1";

test("port 0 becomes one port that is kept until it is released, and that others of ours may share", async () => {
  const { port, sharing, release } = await settlePort({ host, port: 0 });
  assert.ok(port > 0);
  assert.equal(sharing, "reuse-port");
  const stranger = createServer().listen({ host, port, exclusive: true });
  assert.equal(((await once(stranger, "error")) as [NodeJS.ErrnoException])[0].code, "EADDRINUSE");
  const worker = createServer().listen({ host, port, reusePort: true, exclusive: true });
  await once(worker, "listening");
  await release();
  await release();
  worker.close();
  await once(worker, "close");
});

test("a given port that is free is not held", async () => {
  const port = await deadPort();
  assert.equal((await settlePort({ host, port })).port, port);
  await assert.rejects(connectRaw(port), { code: "ECONNREFUSED" });
});

test("a port that somebody serves is refused, even by one who would share it", async () => {
  const other = createServer().listen({ host, port: 0, reusePort: true, exclusive: true });
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await assert.rejects(settlePort({ host, port }), { name: "UsageError", message: /is taken/ });
  other.close();
});

test("an address that is not ours is refused in words", async () => {
  await assert.rejects(settlePort({ host: "192.0.2.1", port: 0 }), { name: "UsageError", message: /cannot listen on/ });
});

import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { listenNear } from "../../../src/demo/listen-near.ts";
import { deadPort, listen, stopListening } from "../../support/raw-origin.ts";

const server = (t: TestContext): Server => {
  const made = createServer();
  t.after(() => stopListening(made));
  return made;
};

suite("listenNear", () => {
  test("takes the port when it is free, any port for 0", async (t) => {
    const free = await deadPort();
    assert.equal(await listenNear(server(t), "127.0.0.1", free, 1), free);
    assert.ok((await listenNear(server(t), "127.0.0.1", 0, 1)) > 0);
  });

  test("takes a later one when it is taken", async (t) => {
    const taken = await listen(server(t), 0);
    const got = await listenNear(server(t), "127.0.0.1", taken, 10);
    assert.ok(got > taken && got < taken + 10);
  });

  test("gives up with a remedy, and the server can listen elsewhere after", async (t) => {
    const taken = await listen(server(t), 0);
    const other = server(t);
    await assert.rejects(listenNear(other, "127.0.0.1", taken, 1), {
      name: "UsageError",
      message: `the port ${taken} of 127.0.0.1 is taken: stop what listens there or name another`,
    });
    assert.ok((await listenNear(other, "127.0.0.1", 0, 1)) > 0);
    assert.equal(other.listenerCount("error"), 0);
  });

  test("another error than a taken port is not tried again", async (t) => {
    await assert.rejects(listenNear(server(t), "192.0.2.1", 8080, 5), { code: "EADDRNOTAVAIL" });
  });
});

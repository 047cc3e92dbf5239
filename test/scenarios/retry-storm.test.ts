import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { Pool } from "undici";
import { startGateway } from "../support/gateway.ts";
import { startOrigin } from "../support/raw-origin.ts";
import { until } from "../support/wait.ts";

/** Requests that begin in a second, and how often their clients try again. */
const RATE = 60;
const CLIENT_RETRIES = 3;

test("a dependency that fails for 10 s while clients try up to 4 times: it gets 1.2 times of what they send at most, and once it is well, what they send", async (t) => {
  const state = { failing: false };
  await using origin = await startOrigin((_request, response) => {
    response.statusCode = state.failing ? 503 : 200;
    response.end("x");
  });
  await using gateway = await startGateway({ target: origin.url, dependency: { breaker: "off" } });
  const pool = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 200, pipelining: 1 });
  t.after(() => pool.destroy());

  const counts = { sent: 0, open: 0, served: 0 };
  const client = async (): Promise<void> => {
    counts.open++;
    try {
      for (let attempt = 0; attempt <= CLIENT_RETRIES; attempt++) {
        counts.sent++;
        const headers = attempt > 0 ? { "x-retry-attempt": String(attempt) } : {};
        const { statusCode, body } = await pool.request({ method: "GET", path: "/", headers });
        await body.dump();
        if (statusCode === 200) {
          counts.served++;
          return;
        }
        await sleep(Math.random() * 50 * 2 ** attempt);
      }
    } finally {
      counts.open--;
    }
  };
  /** What clients sent and the origin got in so many seconds. */
  const phase = async (seconds: number): Promise<{ sent: number; got: number }> => {
    const before = { sent: counts.sent, got: origin.requests };
    for (let i = 0; i < seconds * 20; i++) {
      for (let j = 0; j < RATE / 20; j++) void client();
      await sleep(50);
    }
    await until(() => counts.open === 0, { what: "all clients have their answers" });
    return { sent: counts.sent - before.sent, got: origin.requests - before.got };
  };

  const well = await phase(2);
  assert.deepEqual([well.got, well.sent], [2 * RATE, 2 * RATE]);
  state.failing = true;
  const failing = await phase(10);
  t.diagnostic(
    `clients sent ${failing.sent}, the origin got ${failing.got}: ${(failing.got / failing.sent).toFixed(3)}`,
  );
  assert.equal(failing.sent, 10 * RATE * (1 + CLIENT_RETRIES));
  assert.ok(failing.got > failing.sent, "nothing was tried again");
  assert.ok(failing.got <= 1.2 * failing.sent, `${failing.got} of ${failing.sent}`);
  state.failing = false;
  const after = await phase(2);
  assert.deepEqual([after.got, after.sent], [2 * RATE, 2 * RATE]);
  assert.equal(counts.served, 4 * RATE);
  const { inFlight, retrying } = gateway.gateway.dependencies()[0]!.retry!;
  assert.deepEqual([inFlight, retrying], [0, 0]);
});

import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { Agent, request } from "undici";
import { startGateway, type TestConfig } from "../../support/gateway.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

async function startHolding(t: TestContext) {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, held };
}

const SEATS = 5;
/** One of the idle instance's seats stays with it. */
const WITH_BORROWED = 2 * SEATS - 1;
const ASKED = 20;

test(
  "an instance borrows the seats of one that is idle; without Redis it has its own again, and nobody is lost",
  { skip: redisMissing },
  async (t) => {
    await using redis = await startRedis();
    const origin = await startHolding(t);
    const config: TestConfig = {
      target: origin.url,
      redis: { url: `redis://127.0.0.1:${redis.port}` },
      dependency: {
        timeout: "50s",
        limit: { algorithm: "fixed", initial: SEATS, queue: { depth: 100, default: "50s" } },
      },
    };
    await using busy = await startGateway(config);
    await using idle = await startGateway(config);
    const agent = new Agent({ connections: ASKED, headersTimeout: 0 });
    t.after(() => agent.destroy());
    const answers = Array.from({ length: ASKED }, () =>
      request(`http://127.0.0.1:${busy.port}/`, { dispatcher: agent }),
    );
    await until(() => origin.held.length === WITH_BORROWED, {
      what: () => `${WITH_BORROWED} are let through; ${origin.held.length} are`,
    });
    const seats = () => [busy, idle].map(({ gateway }) => gateway.dependencies()[0]!.admission.limit);
    await until(() => seats().join() === [WITH_BORROWED, 1].join(), {
      what: () => `seats are lent: ${seats().join()}`,
    });
    await redis.kill();
    await until(() => seats().join() === [SEATS, SEATS].join(), {
      what: () => `each has its own again: ${seats().join()}`,
    });
    let done = false;
    const all = Promise.all(answers).finally(() => (done = true));
    await until(
      () => {
        for (const response of origin.held.splice(0)) response.end("ok");
        return done;
      },
      { what: "all are answered" },
    );
    for (const { statusCode, body } of await all) {
      assert.equal(statusCode, 200);
      await body.dump();
    }
  },
);

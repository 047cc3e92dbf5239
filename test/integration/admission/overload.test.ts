import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stopwatch } from "../../support/fair-clock.ts";
import { startGateway } from "../../support/gateway.ts";
import { startSlotOrigin } from "../../support/slot-origin.ts";
import { until } from "../../support/wait.ts";

interface Answer {
  readonly cls: string;
  readonly status: number;
  readonly reason: string | undefined;
  /** Milliseconds by the fair clock. */
  readonly ms: number;
}

/** Sends one request of a class on a connection that is kept alive. */
function ask(agent: Agent, port: number, cls: string): Promise<Answer> {
  const took = stopwatch();
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", path: "/x", agent, headers: { "x-class": cls } }, (answer) => {
      let text = "";
      answer.setEncoding("latin1");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => {
        const status = answer.statusCode!;
        const reason = status === 503 ? (JSON.parse(text).spillway.reason as string) : undefined;
        resolve({ cls, status, reason, ms: took().fair });
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

function startAgent(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  return agent;
}

const byClass = { header: "x-class", map: { c: "critical", s: "sheddable" }, default: "default" };
const SLOTS = 4;
const SERVICE_MS = 40;

test("at three times its capacity the origin stays busy and never above the limit, critical requests all succeed, refusals are told at once", async (t) => {
  await using origin = await startSlotOrigin(SLOTS, SERVICE_MS);
  const limit = { algorithm: "fixed", initial: SLOTS, min: 1, queue: { critical: "5s" } };
  await using gateway = await startGateway({
    target: origin.url,
    dependency: { limit },
    route: { priority: byClass },
  });
  const agent = startAgent(t);
  const answers: Promise<Answer>[] = [];
  const took = stopwatch();
  const capacity = SLOTS / SERVICE_MS;
  // 15 % critical, 35 % default, 50 % sheddable; as many as are due by the fair clock, so that a stall brings no herd.
  const classes = "cdsdsdscsdsdsdssdscs".split("");
  for (let sent = 0; took().fair < 3000; await sleep(2)) {
    const due = Math.min(took().fair * capacity * 3, sent + 10);
    for (; sent < due; sent++) answers.push(ask(agent, gateway.port, classes[sent % classes.length]!));
  }
  const served = origin.answered;
  const { real } = took();
  const all = await Promise.all(answers);
  assert.equal(origin.most, SLOTS);
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200, 503]));
  const critical = all.filter(({ cls }) => cls === "c");
  assert.ok(critical.length > 100);
  assert.deepEqual(
    critical.filter(({ status }) => status !== 200),
    [],
  );
  const share = (cls: string): number => {
    const those = all.filter((one) => one.cls === cls);
    return those.filter(({ status }) => status === 200).length / those.length;
  };
  // What critical requests leave over is half of what default ones want.
  assert.ok(share("d") > 0.3, `${share("d")} of default requests were served`);
  assert.ok(share("s") < 0.15, `${share("s")} of sheddable requests were served`);
  assert.ok(served > 0.7 * 3000 * capacity, `${served} served, in ${real} ms`);
  const refusals = all.filter(({ status }) => status === 503).toSorted((a, b) => a.ms - b.ms);
  t.diagnostic(
    `refused: p50 ${at(refusals, 0.5).ms} ms, p99 ${at(refusals, 0.99).ms} ms; served ${served} in ${real} ms`,
  );
  t.diagnostic(
    JSON.stringify(
      Object.groupBy(refusals, ({ reason, cls }) => `${cls} ${reason}`),
      (key, value) => (Array.isArray(value) && key !== "" ? value.length : value),
    ),
  );
  assert.ok(at(refusals, 0.5).ms < 20, `half of the refusals took ${at(refusals, 0.5).ms} ms`);
  assert.ok(at(refusals, 0.95).ms < 150, `one of 20 refusals took ${at(refusals, 0.95).ms} ms`);
  await until(() => gateway.gateway.dependencies()[0]!.admission.inFlight === 0, { what: "all seats are free" });
});

const at = <T>(sorted: readonly T[], share: number): T =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

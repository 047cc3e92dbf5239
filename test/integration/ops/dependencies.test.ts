import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencyReading } from "../../support/dependency-reading.ts";
import { startSpillway } from "../../support/spillway-process.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";
import { allTokens, bearer, startOps } from "./ops-rig.ts";

interface Shown {
  readonly processes: number;
  readonly silent: number;
  readonly dependencies: readonly { readonly name: string; readonly admission: Record<string, unknown> }[];
}

test("GET /ops/dependencies adds the seats of all processes up, for whoever may read", async (t) => {
  const refused = [{ reason: "wait", class: "bulk", count: 3 }] as const;
  const queued = { system: 0, critical: 0, default: 2, sheddable: 0, bulk: 0 };
  const opened = { state: "open", leftMs: 2_500.4, share: 0, reason: "20 of 20 calls failed", refused: 7 } as const;
  const first = dependencyReading("catalog", { inFlight: 4, queued, serviceMs: 20, refused }, opened);
  const second = dependencyReading("catalog", { inFlight: 1, serviceMs: 40, refused }, { calls: 9, failures: 2 });
  const open = dependencyReading("reports", { mode: "off", limit: undefined });
  const { port } = await startOps(
    t,
    { tokens: allTokens },
    { dependencies: async () => ({ answers: [[first, open], [second]], silent: 1 }) },
  );
  const url = `http://127.0.0.1:${port}/ops/dependencies`;
  assert.equal((await fetch(url)).status, 401);
  const answer = await fetch(url, { headers: bearer("read") });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    processes: 2,
    silent: 1,
    dependencies: [
      {
        name: "catalog",
        panic: false,
        targets: [],
        admission: {
          mode: "enforce",
          limit: 20,
          inFlight: 5,
          queued,
          serviceMs: 30,
          refused: [{ reason: "wait", class: "bulk", count: 6 }],
          wouldRefuse: [],
        },
        breaker: {
          mode: "enforce",
          state: "open",
          states: { open: 1, closed: 1 },
          reason: "20 of 20 calls failed",
          forMs: 0,
          leftMs: 2_500,
          share: 0.5,
          calls: 9,
          failures: 2,
          slow: 0,
          opened: 0,
          refused: 7,
          wouldRefuse: 0,
        },
        retry: {
          inFlight: 8,
          retrying: 2,
          allowed: 6,
          tokens: 5,
          most: 6,
          results: { recovered: 14, "no-budget": 0 },
        },
      },
      {
        name: "reports",
        panic: false,
        targets: [],
        admission: {
          mode: "off",
          limit: null,
          inFlight: 0,
          queued: { ...queued, default: 0 },
          serviceMs: null,
          refused: [],
          wouldRefuse: [],
        },
        breaker: {
          mode: "enforce",
          state: "closed",
          states: { closed: 1 },
          reason: "",
          forMs: 0,
          leftMs: null,
          share: 1,
          calls: 0,
          failures: 0,
          slow: 0,
          opened: 0,
          refused: 0,
          wouldRefuse: 0,
        },
        retry: {
          inFlight: 4,
          retrying: 1,
          allowed: 3,
          tokens: 2.5,
          most: 3,
          results: { recovered: 7, "no-budget": 0 },
        },
      },
    ],
  });
});

test("with two workers it shows the seats of both, and the request's line tells its wait", async (t) => {
  const origin = await startOrigin((_request, response) => void response.end("ok"));
  t.after(() => origin.close());
  await using gateway = await startSpillway({
    listen: { workers: 2 },
    ops: { tokens: allTokens },
    dependencies: { catalog: { http: { targets: [origin.url] }, limit: { algorithm: "fixed", initial: 6 } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "catalog" }],
  });
  assert.equal((await fetch(`http://127.0.0.1:${gateway.port}/x`)).status, 200);
  const shown = await until(
    async () => {
      const answer = await fetch(`http://127.0.0.1:${gateway.opsPort}/ops/dependencies`, { headers: bearer("read") });
      const body = (await answer.json()) as Shown;
      return body.processes === 2 ? body : undefined;
    },
    { what: "both workers have answered" },
  );
  assert.equal(shown.dependencies[0]!.name, "catalog");
  assert.equal(shown.dependencies[0]!.admission["limit"], 6);
  const line = await until(() => gateway.lines().find((one) => one["event"] === "request"), {
    what: "a request's line",
  });
  assert.equal(line["queue_ms"], 0);
});

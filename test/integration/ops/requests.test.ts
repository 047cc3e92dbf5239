import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionsAsk } from "../../../src/core/decisions.ts";
import { refused } from "../../../src/core/outcome.ts";
import { decisionOf } from "../../support/decision.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { allTokens, startOps, tokenOf } from "./ops-rig.ts";

const asRead = { authorization: `Bearer ${tokenOf("read")}` };
const event = endedExchange({ status: 503, outcome: refused("wait", "too long"), exchange: { id: "r1" } });
const decision = decisionOf({ ...event, gateway: "g" }, Date.UTC(2026, 0, 2));

test("GET /ops/requests/{id} tells why a request got its answer", async (t) => {
  const asked: DecisionsAsk[] = [];
  const { ask } = await startOps(
    t,
    { tokens: allTokens },
    {
      async decisions(wanted) {
        asked.push(wanted);
        return { decisions: wanted.id === "r1" ? [decision] : [], processes: 2, silent: 0 };
      },
    },
  );
  const found = await ask({ path: "/ops/requests/r1", headers: asRead });
  assert.equal(found.status, 200);
  const body = JSON.parse(found.text);
  assert.equal(body.reason, "wait");
  assert.equal(body.answeredBy, "admission");
  assert.equal(body.at, "2026-01-02T00:00:00.000Z");
  const none = await ask({ path: "/ops/requests/r2", headers: asRead });
  assert.equal(none.status, 404);
  assert.match(JSON.parse(none.text).detail, /last 10000 of each process/);
  assert.deepEqual(asked, [
    { id: "r1", limit: 1 },
    { id: "r2", limit: 1 },
  ]);
  assert.equal((await ask({ path: "/ops/requests/r1" })).status, 401);
});

test("GET /ops/requests lists what is asked for and refuses what it does not know", async (t) => {
  const asked: DecisionsAsk[] = [];
  const { ask } = await startOps(
    t,
    { tokens: allTokens },
    {
      async decisions(wanted) {
        asked.push(wanted);
        return { decisions: [decision], processes: 2, silent: 1 };
      },
    },
  );
  const found = await ask({
    path: "/ops/requests?outcome=refused&reason=wait&route=products&limit=7",
    headers: asRead,
  });
  assert.equal(found.status, 200);
  const { processes, silent, requests } = JSON.parse(found.text);
  assert.deepEqual({ processes, silent, count: requests.length }, { processes: 2, silent: 1, count: 1 });
  await ask({ path: "/ops/requests", headers: asRead });
  assert.deepEqual(asked, [{ outcome: "refused", reason: "wait", route: "products", limit: 7 }, { limit: 50 }]);
  for (const query of ["limit=0", "limit=1001", "limit=x", "colour=red"]) {
    const answer = await ask({ path: `/ops/requests?${query}`, headers: asRead });
    assert.equal(answer.status, 422, query);
    assert.match(JSON.parse(answer.text).detail, query.startsWith("limit") ? /1 to 1000/ : /colour: expected one of/);
  }
});

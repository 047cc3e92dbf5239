import assert from "node:assert/strict";
import { test } from "node:test";
import type { PurgeOrder } from "../../../src/core/cache-control.ts";
import { percentile, sends, startRig } from "./cache-rig.ts";

const NOTHING: PurgeOrder = {
  urls: [],
  tags: [],
  prefixes: [],
  patterns: [],
  all: false,
  soft: false,
  cascade: false,
  dryRun: false,
  changed: false,
};

test("in a storm of 20,000 purges every request is answered, and what they are not about stays kept", async () => {
  const fields = { "Cache-Control": "max-age=600", "Surrogate-Key": "calm" };
  await using rig = await startRig("origin", sends("kept", fields));
  await rig.ask("/calm");
  const { cache } = rig.gateway.gateway;
  const state = { stormy: true };
  const storm = (async () => {
    for (let i = 0; i < 20_000; i++) {
      const order = i % 100 === 0 ? { prefixes: [`/storm/${i}`] } : { tags: [`storm-${i}`] };
      const { did } = await cache.ask({ do: "purge", order: { ...NOTHING, ...order }, share: true });
      assert.equal(did, "purge");
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    state.stormy = false;
  })();
  const took: number[] = [];
  while (state.stormy) {
    const { status, text, cache, ms } = await rig.ask("/calm");
    assert.deepEqual([status, text], [200, "kept"]);
    assert.match(cache, /^spillway; hit/);
    took.push(ms);
  }
  await storm;
  assert.equal(rig.calls(), 1);
  assert.ok(took.length > 10 && percentile(took, 0.99) < 500, `${took.length} answers`);
  await cache.ask({ do: "purge", order: { ...NOTHING, tags: ["calm"] }, share: true });
  assert.match((await rig.ask("/calm")).cache, /fwd=miss/);
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openLibrary } from "../../../support/library-rig.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A source of values that a test makes fail or wait. */
function source() {
  const held = new Map<string, unknown>();
  const writes: string[] = [];
  const state = { failing: false, gate: Promise.resolve() };
  const writer = async (key: string, value: unknown): Promise<void> => {
    await state.gate;
    if (state.failing) throw new Error("source is down");
    writes.push(`${key}=${String(value)}`);
    held.set(key, value);
  };
  return { held, writes, state, writer };
}

suite("write-through", () => {
  test("a value is at its source before it is kept, and set resolves after both", async () => {
    const { writer, held, state } = source();
    await using rig = openLibrary({ writer });
    const { cache } = rig;
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    let done = false;
    const set = cache.set("a", 1).then(() => (done = true));
    await turn();
    assert.equal(await cache.get("a"), undefined);
    assert.equal(done, false);
    gate.resolve();
    await set;
    assert.equal(held.get("a"), 1);
    assert.equal(await cache.get("a"), 1);
  });

  test("a write that fails is the caller's error, and the old value is not given any more", async () => {
    const { writer, state } = source();
    await using rig = openLibrary({ writer });
    await rig.cache.set("a", "old");
    state.failing = true;
    await assert.rejects(rig.cache.set("a", "new"), /source is down/);
    assert.equal(await rig.cache.get("a"), undefined);
  });

  test("writes of one key go one after the other, so source and cache end with the same", async () => {
    const { writer, writes } = source();
    const delays = [3, 1, 2];
    const slow = async (key: string, value: unknown): Promise<void> => {
      for (let i = 0; i < delays[Number(value)]!; i++) await turn();
      await writer(key, value);
    };
    await using rig = openLibrary({ writer: slow });
    await Promise.all([0, 1, 2].map((n) => rig.cache.set("a", n)));
    assert.deepEqual(writes, ["a=0", "a=1", "a=2"]);
    assert.equal(await rig.cache.get("a"), 2);
  });

  test("a load that began before the write is not kept over it", async () => {
    const { writer } = source();
    await using rig = openLibrary({ writer });
    const load = Promise.withResolvers<string>();
    const early = rig.cache.getOrLoad("a", () => load.promise);
    await turn();
    await rig.cache.set("a", "written");
    load.resolve("read before");
    assert.equal(await early, "read before");
    assert.equal(await rig.cache.get("a"), "written");
  });

  test("a call may say otherwise", async () => {
    const { writer, writes } = source();
    await using rig = openLibrary({ writer });
    await rig.cache.set("a", 1, { write: "aside" });
    assert.deepEqual(writes, []);
    await rig.cache.set("b", 1, { write: "back" });
    assert.deepEqual(writes, []);
    await rig.cache.flush();
    assert.deepEqual(writes, ["b=1"]);
  });
});

suite("write-back", () => {
  const back = { write: "back", flushEvery: "1s" } as const;

  test("1,000 writes of a key are one, with the last value, flushEvery after the first", async () => {
    const { writer, writes } = source();
    await using rig = openLibrary({ writer, ...back });
    const { cache, clock } = rig;
    for (let i = 0; i < 1000; i++) {
      await cache.set("a", i);
      assert.equal(await cache.get("a"), i);
      if (i % 100 === 99) await clock.advanceAsync(99);
    }
    assert.deepEqual(writes, []);
    await clock.advanceAsync(10);
    assert.deepEqual(writes, ["a=999"]);
    assert.equal(clock.pending, 0);
  });

  test("what came while the key was being written is written after it, in its own time", async () => {
    const { writer, writes, state } = source();
    await using rig = openLibrary({ writer, ...back });
    const { cache, clock } = rig;
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    await cache.set("a", 1);
    await clock.advanceAsync(1000);
    await cache.set("a", 2);
    await clock.advanceAsync(500);
    gate.resolve();
    await turn();
    assert.deepEqual(writes, ["a=1"]);
    await clock.advanceAsync(499);
    assert.deepEqual(writes, ["a=1"]);
    await clock.advanceAsync(1);
    assert.deepEqual(writes, ["a=1", "a=2"]);
  });

  test("four keys are written at a time, each once", async () => {
    let now = 0;
    let most = 0;
    let calls = 0;
    const writer = async (): Promise<void> => {
      calls++;
      most = Math.max(most, ++now);
      await turn();
      now--;
    };
    await using rig = openLibrary({ writer, ...back });
    await rig.cache.setMany(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i] as const));
    rig.clock.advance(1000);
    await rig.cache.flush();
    assert.equal(most <= 8 && most >= 4, true, `${most} at a time`);
    assert.equal(calls, 3000);
  });

  test("a source that fails is tried again after 1 s, 2 s, 4 s, told of each time, and nothing is lost", async () => {
    const { writer, writes, state } = source();
    await using rig = openLibrary({ writer, ...back });
    const { cache, clock, failures } = rig;
    state.failing = true;
    await cache.set("a", 1);
    await cache.set("b", 2);
    await clock.advanceAsync(1000);
    assert.equal(failures.length, 2);
    await clock.advanceAsync(999);
    assert.equal(failures.length, 2);
    await clock.advanceAsync(1);
    assert.equal(failures.length, 4);
    await clock.advanceAsync(1999);
    assert.equal(failures.length, 4);
    await cache.set("a", 3);
    state.failing = false;
    await clock.advanceAsync(1);
    assert.deepEqual(writes.sort(), ["a=3", "b=2"]);
    assert.deepEqual(new Set(failures), new Set(["source is down"]));
  });

  test("beyond maxPending keys a set waits for room, and writing begins at once", async () => {
    const { writer, writes, state } = source();
    await using rig = openLibrary({ writer, ...back, maxPending: 2 });
    const { cache } = rig;
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    await cache.set("a", 1);
    await cache.set("b", 2);
    assert.equal(writes.length, 0);
    let done = 0;
    const more = [cache.set("c", 3).then(() => done++), cache.set("c", 4).then(() => done++)];
    await turn();
    assert.equal(done, 0);
    gate.resolve();
    await Promise.all(more);
    assert.ok(writes.includes("a=1"));
    await cache.flush();
    assert.deepEqual(writes.toSorted(), ["a=1", "b=2", "c=4"]);
  });

  test("a reader that misses finds at the source what was set: it is written before the load begins", async () => {
    const { writer, held } = source();
    await using rig = openLibrary({ writer, ...back });
    const { cache, clock } = rig;
    await cache.set("a", "mine", { ttl: "100ms" });
    clock.advance(200);
    assert.equal(await cache.getOrLoad("a", (key) => held.get(key)), "mine");
    await cache.set("b", "mine", { ttl: "100ms" });
    clock.advance(200);
    assert.equal(await cache.get("b"), undefined);
    assert.equal(held.get("b"), "mine");
    await cache.set("c", "mine");
    await cache.delete("c");
    assert.equal(held.get("c"), "mine");
  });

  test("close writes what waits, refuses more, and says how much could not be written", async () => {
    const { writer, writes, state } = source();
    const one = openLibrary({ writer, ...back });
    await one.cache.set("a", 1);
    await one.cache.close();
    assert.deepEqual(writes, ["a=1"]);
    await assert.rejects(one.cache.set("a", 2), /closed/);
    const other = openLibrary({ writer, ...back });
    await other.cache.setMany([
      ["x", 1],
      ["y", 2],
    ]);
    state.failing = true;
    await assert.rejects(other.cache.close(), /2 values could not be written/);
    assert.equal(other.clock.pending, 0);
  });

  test("what is written is what was set, whatever became of the object since", async () => {
    const { writer, held } = source();
    await using rig = openLibrary({ writer, ...back });
    const value = { n: 1 };
    await rig.cache.set("a", value);
    value.n = 2;
    await rig.cache.flush();
    assert.deepEqual(held.get("a"), { n: 1 });
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Counter, Quantity, Taken } from "../../src/limits/counter.ts";

/** A counter under test, and a way to let time pass for it. */
export interface CounterRig extends AsyncDisposable {
  readonly counter: Counter;
  /** Milliseconds. */
  pass(ms: number): Promise<void>;
}

export type OpenCounter = (quantity: Quantity) => Promise<CounterRig>;

const SECOND = 1000;

/** How many of `count` requests of a key, one after the other, are let through. */
export async function admitted(counter: Counter, key: string, count: number): Promise<number> {
  let through = 0;
  for (let at = 0; at < count; at++) if ((await counter.take(key)).ok) through++;
  return through;
}

/** What every counter does, wherever it counts. `skip`: a reason, or false. Windows here are a second or two. */
export function counterSuite(name: string, open: OpenCounter, skip: string | false = false): void {
  const it = (does: string, run: () => Promise<void>): void => void test(`${name}: ${does}`, { skip }, run);
  const fixed: Quantity = { limit: 5, window: 2 * SECOND, burst: undefined };
  const bucket: Quantity = { limit: 10, window: 2 * SECOND, burst: 3 };

  it("a fixed window lets its limit through and no more, and another once it is over", async () => {
    await using rig = await open(fixed);
    assert.equal(await admitted(rig.counter, "a", 20), 5);
    const refused = await rig.counter.take("a");
    assert.equal(refused.ok, false);
    assert.equal(refused.remaining, 0);
    assert.ok(refused.retryMs > 0 && refused.retryMs <= 2 * SECOND, `${refused.retryMs}`);
    assert.equal(refused.resetMs, refused.retryMs);
    await rig.pass(refused.retryMs + 20);
    assert.equal(await admitted(rig.counter, "a", 20), 5);
  });

  it("the number left goes down to 0", async () => {
    await using rig = await open(fixed);
    const left: number[] = [];
    for (let at = 0; at < 5; at++) left.push((await rig.counter.take("a")).remaining);
    assert.deepEqual(left, [4, 3, 2, 1, 0]);
  });

  it("keys do not count for one another", async () => {
    await using rig = await open(fixed);
    assert.equal(await admitted(rig.counter, "a", 9), 5);
    assert.equal(await admitted(rig.counter, "b", 9), 5);
  });

  it("requests at once are counted one by one", async () => {
    await using rig = await open(fixed);
    const takens = await Promise.all(Array.from({ length: 40 }, async () => rig.counter.take("a")));
    assert.equal(takens.filter(({ ok }) => ok).length, 5);
  });

  it("a bucket lets its burst through, then one an interval", async () => {
    await using rig = await open(bucket);
    const first: Taken[] = [];
    for (let at = 0; at < 4; at++) first.push(await rig.counter.take("a"));
    assert.deepEqual(
      first.map(({ ok }) => ok),
      [true, true, true, false],
    );
    const { retryMs } = first[3]!;
    assert.ok(retryMs > 0 && retryMs <= 200, `${retryMs}`);
    await rig.pass(retryMs + 5);
    assert.equal((await rig.counter.take("a")).ok, true);
  });

  it("a bucket that was left alone is full, and not more than full", async () => {
    await using rig = await open(bucket);
    await rig.counter.take("a");
    await rig.pass(1500);
    assert.equal(await admitted(rig.counter, "a", 3), 3);
  });
}

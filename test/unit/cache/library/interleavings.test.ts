import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { createFarTier, openLibrary } from "../../../support/library-rig.ts";

/**
 * Callers on keys whose source counts up: a load reads the count where it begins, and its answer comes when the schedule
 * says. So of a value that is read it is known when its load began.
 */
type Step =
  | { readonly do: "read" | "change" | "delete"; readonly key: number }
  | { readonly do: "set"; readonly key: number }
  | { readonly do: "purge-tag" | "purge-all" }
  | { readonly do: "pass"; readonly ms: number };

/** Before the next step: nothing, whatever is ready goes on, or one of what waits ends, too. */
type Pace = { readonly next: "at once" | "go on" | "a wait ends" };

const key = fc.nat(1);
const pace = fc.record({ next: fc.constantFrom("at once" as const, "go on" as const, "a wait ends" as const) });
const act: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("read" as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("change" as const), key }) },
  fc.record({ do: fc.constant("delete" as const), key }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set" as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("purge-tag" as const, "purge-all" as const) }) },
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, 50, 500, 1500) }),
);

const step = fc.tuple(act, pace).map(([what, pace]): Step & Pace => ({ ...what, ...pace }));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Loads, looks and writes that wait are finished in an order that `s` draws. */
async function run(
  s: fc.Scheduler,
  steps: readonly (Step & Pace)[],
  far: boolean,
  functionTags: boolean,
): Promise<void> {
  const tier = createFarTier();
  tier.delay = () => s.schedule(Promise.resolve());
  const rig = openLibrary({}, far ? [{ name: "redis", tier }] : []);
  const { cache, clock } = rig;
  const source = [0, 0];
  /** By key: what a read that begins now must at least give. */
  const least = [0, 0];
  const tags = functionTags ? () => ["t"] : ["t"];
  const policy = { ttl: "1s", tags } as const;
  const load = async (name: string): Promise<number> => {
    const value = source[Number(name)]!;
    await s.schedule(Promise.resolve());
    return value;
  };
  const read = async (at: number): Promise<void> => {
    const bound = least[at]!;
    const value = await cache.getOrLoad(String(at), load, policy);
    assert.ok(value >= bound, `key ${at} gave ${value}, loaded before a purge, delete or set that left ${bound}`);
  };
  /** Once `act` has returned, nobody who comes gets what was loaded before it began. */
  const after = async (keys: readonly number[], act: () => Promise<void>): Promise<void> => {
    const done = act();
    const bounds = keys.map((at) => source[at]!);
    await done;
    for (const [i, at] of keys.entries()) least[at] = Math.max(least[at]!, bounds[i]!);
  };
  const start = (what: Step): Promise<void> | undefined => {
    switch (what.do) {
      case "read":
        return read(what.key);
      case "change":
        source[what.key]! += 1;
        return undefined;
      case "delete":
        return after([what.key], () => cache.delete(String(what.key)));
      case "set":
        return after([what.key], () => cache.set(String(what.key), ++source[what.key]!, { ttl: "1s", tags: ["t"] }));
      case "purge-tag":
        return after([0, 1], () => cache.purge({ tags: ["t"] }));
      case "purge-all":
        return after([0, 1], () => cache.purge({ all: true }));
      case "pass":
        clock.advance(what.ms);
        return undefined;
    }
  };
  const running: Promise<void>[] = [];
  for (const what of steps) {
    const begun = start(what);
    if (begun) running.push(begun);
    if (what.next !== "at once") await turn();
    if (what.next === "a wait ends" && s.count() > 0) {
      await s.waitOne();
      await turn();
    }
  }
  await s.waitFor(Promise.all(running));
  await cache.close();
}

suite("a cache as a library: whatever the order of what overlaps", () => {
  for (const far of [false, true]) {
    test(`a read after a purge, a delete or a set gives nothing that was loaded before it${far ? ", with a farther tier" : ""}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(step, { maxLength: 24, size: "max" }),
          fc.boolean(),
          (s, steps, functionTags) => run(s, steps, far, functionTags),
        ),
        { numRuns: 60 },
      );
    });
  }
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { LazyHeap } from "../../../src/admission/lazy-heap.ts";
import { LazyRing } from "../../../src/admission/lazy-ring.ts";

interface Item {
  readonly deadline: number;
  readonly order: number;
  gone: boolean;
}

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("push" as const), deadline: fc.nat({ max: 50 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const) }) },
  ),
  { maxLength: 500, size: "max" },
);

type Script = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Does the steps to a list and to an array; `look` compares them. */
function follow(
  script: Script,
  list: { push(item: Item): void; bury(): void; readonly held: number },
  look: (live: readonly Item[]) => void,
): void {
  const live: Item[] = [];
  for (const [order, step] of script.entries()) {
    if (step.do === "push") {
      const item = { deadline: step.deadline, order, gone: false };
      list.push(item);
      live.push(item);
    } else if (step.do === "look") look(live);
    else if (live.length > 0) {
      const [item] = live.splice(step.at % live.length, 1);
      item!.gone = true;
      list.bury();
    }
    assert.ok(list.held <= 2 * live.length + 17, `${list.held} slots for ${live.length}`);
  }
  look(live);
}

suite("lists that drop what is gone when they meet it", () => {
  test("a ring tells its oldest and its newest", () => {
    fc.assert(
      fc.property(steps, (script) => {
        const ring = new LazyRing<Item>();
        follow(script, ring, (live) => assert.deepEqual([ring.first(), ring.last()], [live[0], live.at(-1)]));
      }),
    );
  });

  test("a heap tells the earliest deadline, the first of equals, and some leaf", () => {
    fc.assert(
      fc.property(steps, (script) => {
        const heap = new LazyHeap<Item>();
        follow(script, heap, (live) => {
          const [first] = live.toSorted((a, b) => a.deadline - b.deadline || a.order - b.order);
          assert.equal(heap.first(), first);
          const late = heap.late();
          assert.ok(live.length === 0 ? late === undefined : live.includes(late!));
        });
      }),
    );
  });

  test("cleared, they are as new", () => {
    for (const list of [new LazyRing<Item>(), new LazyHeap<Item>()]) {
      for (let i = 0; i < 40; i++) list.push({ deadline: i, order: i, gone: false });
      list.clear();
      assert.deepEqual([list.held, list.first()], [0, undefined]);
    }
  });
});

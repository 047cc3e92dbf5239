import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Queue } from "../../../src/admission/queue.ts";
import type { Waiting } from "../../../src/admission/tenant-line.ts";
import { isDated, QueueModel } from "../../support/queue-model.ts";

const CAPS = [1000, 400, 300, 100, 20];

interface Facts {
  readonly rank?: number;
  readonly slot?: number;
  readonly cohort?: number;
  readonly since?: number;
  readonly deadline?: number;
}

function waiting({ rank = 2, slot = 0, cohort = 0, since = 0, deadline = Infinity }: Facts = {}): Waiting {
  const until = Math.min(since + CAPS[rank]!, deadline);
  return { rank, slot, cohort, since, deadline, until, order: 0, gone: false };
}

function queueOf(...ones: readonly Waiting[]): Queue<Waiting> {
  const queue = new Queue<Waiting>(CAPS);
  for (const one of ones) queue.add(one);
  return queue;
}

function takeAll(queue: Queue<Waiting>, now: number): Waiting[] {
  return Array.from({ length: queue.size }, () => queue.take(now)!);
}

suite("the queue of a gate", () => {
  test("a higher class goes first, whoever came first", () => {
    const ranks = [4, 2, 3, 0, 1];
    const queue = queueOf(...ranks.map((rank) => waiting({ rank })));
    assert.deepEqual(
      takeAll(queue, 1).map(({ rank }) => rank),
      [0, 1, 2, 3, 4],
    );
    assert.equal(queue.take(1), undefined);
  });

  test("a lower class that has waited for more than half its cap gets one seat in 20, and not more", () => {
    const queue = new Queue<Waiting>(CAPS);
    for (let i = 0; i < 100; i++) queue.add(waiting({ rank: 1, since: 11 }));
    for (let i = 0; i < 100; i++) queue.add(waiting({ rank: 3, since: 0 }));
    const taken = Array.from({ length: 100 }, () => queue.take(51)!.rank);
    assert.equal(taken.filter((rank) => rank === 3).length, 5);
    const places = taken.flatMap((rank, at) => (rank === 3 ? [at] : []));
    assert.deepEqual(places, [19, 39, 59, 79, 99]);
  });

  test("nothing is kept back for a lower class while the higher one has waited for a tenth of its cap itself", () => {
    const queue = new Queue<Waiting>(CAPS);
    for (let i = 0; i < 100; i++) queue.add(waiting({ rank: 1 }));
    for (let i = 0; i < 100; i++) queue.add(waiting({ rank: 3 }));
    assert.ok(Array.from({ length: 100 }, () => queue.take(51)!.rank).every((rank) => rank === 1));
  });

  test("nothing is kept back for a lower class that has not waited for half its cap", () => {
    const queue = new Queue<Waiting>(CAPS);
    for (let i = 0; i < 100; i++) queue.add(waiting({ rank: 1 }));
    queue.add(waiting({ rank: 3 }));
    assert.ok(Array.from({ length: 100 }, () => queue.take(50)!.rank).every((rank) => rank === 1));
  });

  test("tenants take turns, however many requests one of them has", () => {
    const flood = Array.from({ length: 20 }, () => waiting({ slot: 7 }));
    const queue = queueOf(...flood, waiting({ slot: 1 }), waiting({ slot: 2 }), waiting({ slot: 1 }));
    const slots = takeAll(queue, 1).map(({ slot }) => slot);
    assert.deepEqual(slots.slice(0, 6), [7, 1, 2, 7, 1, 7]);
  });

  test("the earliest deadline of a tenant goes first; one without goes before those that may wait longer", () => {
    const [late, early, none] = [waiting({ deadline: 290 }), waiting({ deadline: 200 }), waiting()];
    const long = waiting({ deadline: 5000, since: 1 });
    const queue = queueOf(late, none, early, long);
    assert.deepEqual(takeAll(queue, 2), [early, late, none, long]);
  });

  test("of a tenant the newest goes first while its oldest has waited for more than half the cap, the oldest before that", () => {
    const ones = [0, 10, 20, 30].map((since) => waiting({ since }));
    const [a, b, c, d] = ones;
    const queue = queueOf(...ones);
    assert.deepEqual([queue.take(150), queue.take(161), queue.take(162), queue.take(163)], [a, d, c, b]);
  });

  test("where deadlines are known, order is theirs even after half the cap", () => {
    const [a, b] = [waiting({ deadline: 260 }), waiting({ deadline: 280, since: 1 })];
    assert.deepEqual(takeAll(queueOf(a, b), 200), [a, b]);
  });

  test("there is room up to the depth; beyond it the newest of the lowest cohort of the lowest class gives way", () => {
    const ones = [
      waiting({ rank: 3, cohort: 5, slot: 1 }),
      waiting({ rank: 3, cohort: 2, slot: 2 }),
      waiting({ rank: 3, cohort: 2, slot: 2 }),
      waiting({ rank: 2, cohort: 0, slot: 3 }),
    ];
    const queue = queueOf(...ones);
    assert.deepEqual(queue.room(waiting(), 5), { kind: "room" });
    assert.deepEqual(queue.room(waiting({ rank: 2 }), 4), { kind: "instead", of: ones[2] });
    assert.deepEqual(queue.room(waiting({ rank: 4 }), 4), { kind: "none" });
  });

  test("among its own class a newcomer takes the place of a tenant's that has more, or of a lower cohort's", () => {
    const greedy = Array.from({ length: 3 }, () => waiting({ slot: 1, cohort: 9 }));
    const modest = waiting({ slot: 2, cohort: 4 });
    const queue = queueOf(...greedy, modest);
    assert.deepEqual(queue.room(waiting({ slot: 3, cohort: 0 }), 4), { kind: "instead", of: greedy[2] });
    assert.deepEqual(queue.room(waiting({ slot: 1, cohort: 9 }), 4), { kind: "instead", of: modest });
    assert.deepEqual(queue.room(waiting({ slot: 1, cohort: 4 }), 4), { kind: "none" });
  });

  test("ahead of a newcomer are the classes above, its tenant's own and as many turns of the others", () => {
    const queue = queueOf(
      waiting({ rank: 0 }),
      waiting({ rank: 1 }),
      ...Array.from({ length: 9 }, () => waiting({ slot: 5 })),
      waiting({ slot: 6 }),
      waiting({ rank: 3 }),
    );
    assert.equal(queue.ahead(2, 5), 2 + 9 + 1);
    assert.equal(queue.ahead(2, 6), 2 + 1 + 2);
    assert.equal(queue.ahead(2, 7), 2 + 1 + 1);
    assert.equal(queue.ahead(0, 7), 1);
  });

  test("a wait is foreseen by the pace of a sub-queue's last turns, and as the time its oldest has waited", () => {
    const queue = new Queue<Waiting>(CAPS);
    for (let i = 0; i < 30; i++) queue.add(waiting({ slot: 3 }));
    assert.equal(queue.wait(2, 4, 50), 0);
    assert.equal(queue.wait(2, 3, 50), 50);
    for (let now = 40; now <= 400; now += 40) queue.take(now);
    queue.add(waiting({ slot: 5, since: 400 }));
    // Ten turns in 400 ms, and 20 that wait.
    assert.equal(queue.wait(2, 3, 400), 21 * 40);
    assert.equal(queue.wait(2, 5, 430), 30);
  });

  test("of two sub-queues the shorter is told, or the first", () => {
    const queue = queueOf(waiting({ slot: 1 }), waiting({ slot: 1 }), waiting({ slot: 2 }));
    assert.deepEqual([queue.shorter(2, 1, 2), queue.shorter(2, 2, 1), queue.shorter(2, 3, 4)], [2, 2, 3]);
    assert.equal(queue.shorter(1, 1, 2), 1);
  });

  test("who was removed or taken is gone, and removing again does nothing", () => {
    const [a, b] = [waiting(), waiting()];
    const queue = queueOf(a, b);
    queue.remove(a);
    queue.remove(a);
    assert.equal(queue.size, 1);
    assert.equal(queue.take(1), b);
    queue.remove(b);
    assert.equal(queue.size, 0);
  });
});

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      rank: fc.nat({ max: 4 }),
      slot: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 63 })),
      cohort: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 127 })),
      patience: fc.option(fc.nat({ max: 600 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("take" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("room" as const),
      rank: fc.nat({ max: 4 }),
      slot: fc.nat({ max: 3 }),
      cohort: fc.nat({ max: 4 }),
      depth: fc.nat({ max: 20 }),
    }),
  },
);

suite("the queue of a gate, whatever is done to it", () => {
  test("it does what lists that are searched from end to end do, and keeps little of what is gone", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 400, size: "max" }), (commands) => {
        const queue = new Queue<Waiting>(CAPS);
        const model = new QueueModel<Waiting>(CAPS);
        let now = 0;
        for (const one of commands) {
          if (one.do === "wait") now += one.ms;
          else if (one.do === "add") {
            const { patience, ...facts } = one;
            const added = waiting({ ...facts, since: now, deadline: patience === null ? Infinity : now + patience });
            queue.add(added);
            model.add(added);
          } else if (one.do === "take") assert.equal(queue.take(now), model.take(now));
          else if (one.do === "remove") {
            const found = model.items[one.at % Math.max(1, model.items.length)];
            if (found) queue.remove(found);
            if (found) model.remove(found);
          } else if (one.do === "expire") {
            for (let late = queue.takeLate(now); late; late = queue.takeLate(now)) {
              assert.ok(late.until <= now);
              model.remove(late);
            }
            assert.deepEqual(
              model.items.filter(({ until }) => until <= now),
              [],
            );
          } else compareRooms(queue, model, one);
          assert.equal(queue.size, model.items.length);
          for (let rank = 0; rank < 5; rank++) {
            assert.equal(queue.waiting(rank), model.in(rank).length);
            assert.equal(queue.ahead(rank, 1), model.ahead(rank, 1));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test("what is gone takes no more room than what waits, beside a little in each list", () => {
    const queue = new Queue<Waiting>(CAPS);
    const facts = (i: number) => ({ slot: i % 4, cohort: i % 3, deadline: i % 2 ? 1e9 - i : Infinity });
    // Those that stay stand in front of those that leave: nothing is dropped at an end.
    for (let i = 0; i < 12; i++) queue.add(waiting(facts(i)));
    for (let i = 0; i < 20_000; i++) {
      const one = waiting(facts(i));
      queue.add(one);
      queue.remove(one);
      // Arrivals, four sub-queues of two lists each and three cohorts; each item is in three lists.
      assert.ok(queue.held <= 2 * 3 * queue.size + 12 * 17, `${queue.held} slots for ${queue.size} that wait`);
    }
    assert.equal(takeAll(queue, 0).length, 12);
  });

  test("nothing of what is gone is kept once nobody waits", () => {
    const queue = new Queue<Waiting>(CAPS);
    for (let i = 0; i < 1000; i++)
      queue.add(waiting({ slot: i % 64, cohort: i % 128, deadline: i % 2 ? i : Infinity }));
    while (queue.take(0)) continue;
    assert.deepEqual([queue.size, queue.held], [0, 0]);
  });
});

function compareRooms(
  queue: Queue<Waiting>,
  model: QueueModel<Waiting>,
  asked: { rank: number; slot: number; cohort: number; depth: number },
): void {
  const got = queue.room(asked, asked.depth);
  const wanted = model.room(asked, asked.depth);
  assert.equal(got.kind, wanted.kind);
  if (got.kind !== "instead" || wanted.kind !== "instead") return;
  const { of } = got;
  // Of a tenant that has only deadlines left, any of them may give way.
  if (isDated(of) && isDated(wanted.of)) assert.deepEqual([of.rank, of.slot], [wanted.of.rank, wanted.of.slot]);
  else assert.equal(of, wanted.of);
}

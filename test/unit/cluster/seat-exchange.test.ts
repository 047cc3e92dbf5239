import assert from "node:assert/strict";
import { test } from "node:test";
import { ROUND, SeatExchange, type Lent } from "../../../src/cluster/seat-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function exchange() {
  const clock = new ManualClock();
  const told: [worker: string, lent: Lent][] = [];
  const seats = new SeatExchange<string>(clock, (worker, lent) => void told.push([worker, lent]));
  return { clock, seats, told };
}

const busy = { own: 5, wants: [0, 0, 8, 0, 0] };
const idle = { own: 5, wants: [0, 0, 0, 0, 0] };

test("seats go from an idle worker to one that is short, by dependency, and are told once", () => {
  const { seats, told } = exchange();
  seats.heard("one", { catalog: busy, reports: idle });
  seats.heard("two", { catalog: idle, reports: idle });
  seats.round();
  assert.deepEqual(told, [
    ["one", { catalog: 3 }],
    ["two", { catalog: -3 }],
  ]);
  seats.round();
  assert.equal(told.length, 2);
});

test("seats come back when nobody waits any more", () => {
  const { seats, told } = exchange();
  seats.heard("one", { catalog: busy });
  seats.heard("two", { catalog: idle });
  seats.round();
  seats.heard("one", { catalog: idle });
  seats.round();
  assert.deepEqual(told.slice(2), [
    ["one", {}],
    ["two", {}],
  ]);
});

test("a worker that is silent for three rounds, or gone, lends nothing", () => {
  const { clock, seats, told } = exchange();
  seats.heard("one", { catalog: busy });
  seats.heard("two", { catalog: idle });
  seats.round();
  clock.advance(3 * ROUND + 1);
  seats.heard("one", { catalog: busy });
  seats.round();
  assert.deepEqual(told.slice(2), [
    ["one", {}],
    ["two", {}],
  ]);
  seats.heard("two", { catalog: idle });
  seats.round();
  assert.deepEqual(told.slice(4), [
    ["one", { catalog: 3 }],
    ["two", { catalog: -3 }],
  ]);
  seats.gone("two");
  seats.round();
  assert.deepEqual(told.slice(6), [["one", {}]]);
});

test("a dependency that only one worker knows, as during a reload, is nobody else's", () => {
  const { seats, told } = exchange();
  seats.heard("one", { added: busy });
  seats.heard("two", { catalog: idle });
  seats.round();
  assert.deepEqual(told, []);
});

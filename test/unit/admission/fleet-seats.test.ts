import assert from "node:assert/strict";
import { test } from "node:test";
import { FleetSeats, type Desks } from "../../../src/admission/fleet-seats.ts";
import { RedisError, type RedisLink } from "../../../src/core/redis.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A hash in Redis as the script leaves it, shared by all who link to it; `state.down` fails every call. */
function sharedHash() {
  const records = new Map<string, string>();
  const state = { down: false, calls: 0 };
  const link: RedisLink = {
    state: () => "up",
    onState: () => () => {},
    async call(_command, _key, id) {
      if (state.down) throw new RedisError("down", "no connection");
      records.delete(String(id));
      return 1;
    },
    async batch() {
      return [];
    },
    async script(_script, _keys, [id, text]) {
      state.calls++;
      if (state.down) throw new RedisError("timeout", "no reply");
      records.set(String(id), String(text));
      return [...records].flat().map((part) => Buffer.from(part));
    },
    subscribe: () => () => {},
    async close() {},
  };
  return { records, state, link };
}

type Hash = ReturnType<typeof sharedHash>;

function member(hash: Hash, clock: ManualClock, id: string, desks: Desks) {
  const state = { desks, lent: {} as Readonly<Record<string, number>> };
  const fleet = new FleetSeats({
    clock,
    random: () => 0.5,
    link: hash.link,
    key: "k",
    id,
    desks: () => state.desks,
    borrow: (lent) => (state.lent = lent),
  });
  return { fleet, state };
}

const busy = { own: 5, wants: [0, 0, 8, 0, 0] };
const idle = { own: 5, wants: [0, 0, 0, 0, 0] };

test("instances come to the same shares, one round trip a second each", async () => {
  const hash = sharedHash();
  const clock = new ManualClock();
  const one = member(hash, clock, "b", { catalog: busy, only: busy });
  const other = member(hash, clock, "a", { catalog: idle });
  await clock.advanceAsync(2500);
  assert.deepEqual([one.state.lent, other.state.lent], [{ catalog: 3 }, { catalog: -3 }]);
  assert.equal(one.fleet.members, 2);
  // At 500, 1,500 and 2,500 ms.
  assert.equal(hash.state.calls, 6);
  one.state.desks = { catalog: idle };
  await clock.advanceAsync(2000);
  assert.deepEqual([one.state.lent, other.state.lent], [{}, {}]);
  await one.fleet.close();
  assert.deepEqual([...hash.records.keys()], ["a"]);
  await other.fleet.close();
});

test("a call that fails changes nothing; three seconds without Redis and each has its own again", async () => {
  const hash = sharedHash();
  const clock = new ManualClock();
  const one = member(hash, clock, "b", { catalog: busy });
  const other = member(hash, clock, "a", { catalog: idle });
  await clock.advanceAsync(2500);
  hash.state.down = true;
  await clock.advanceAsync(2900);
  assert.deepEqual([one.state.lent, other.state.lent], [{ catalog: 3 }, { catalog: -3 }]);
  await clock.advanceAsync(1000);
  assert.deepEqual([one.state.lent, other.state.lent, one.fleet.members], [{}, {}, 1]);
  hash.state.down = false;
  await clock.advanceAsync(2000);
  assert.deepEqual(one.state.lent, { catalog: 3 });
  await Promise.all([one.fleet.close(), other.fleet.close()]);
});

test("records that are none are passed over, whatever stands in Redis", async () => {
  const hash = sharedHash();
  const clock = new ManualClock();
  hash.records.set("x", "{");
  hash.records.set("y", '{"catalog":{"own":-5,"wants":[0,0,0,0,0]}}');
  hash.records.set("z", '{"catalog":{"own":9,"wants":[0,0,0,0]}}');
  hash.records.set("w", '["catalog"]');
  hash.records.set("v", " ".repeat(70_000));
  const one = member(hash, clock, "b", { catalog: busy });
  await clock.advanceAsync(600);
  assert.deepEqual([one.state.lent, one.fleet.members], [{}, 1]);
  await one.fleet.close();
  await clock.advanceAsync(5000);
  assert.equal(hash.state.calls, 1, "nothing after the close");
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Cohorts, seededHash } from "../../../src/routing/cohort.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const HOUR = 3_600_000;
const SALT = "a salt of the fleet";
const addresses = (count: number) =>
  Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);

suite("cohorts", () => {
  test("are the same for one tenant, from 0 to 127, and spread evenly over many", () => {
    const cohorts = new Cohorts(new ManualClock(), SALT, HOUR);
    const counts = Array.from({ length: 128 }, () => 0);
    for (const tenant of addresses(128_000)) {
      const place = cohorts.of(tenant, 0);
      assert.equal(cohorts.of(tenant, 10), place);
      counts[place]!++;
    }
    const least = Math.min(...counts);
    const most = Math.max(...counts);
    assert.ok(least > 850 && most < 1150, `${least} to ${most} of 1000`);
  });

  test("are the same in all who have the salt, and others with another", () => {
    const one = new Cohorts(new ManualClock(), SALT, HOUR);
    const two = new Cohorts(new ManualClock({ now: 9_999_999 }), SALT, HOUR);
    const other = new Cohorts(new ManualClock(), `${SALT}!`, HOUR);
    const names = addresses(1000);
    assert.ok(names.every((name) => one.of(name, 0) === two.of(name, 9_999_999)));
    assert.ok(names.filter((name) => one.of(name, 0) === other.of(name, 0)).length < 30);
  });

  test("change with the turn of the hour, in all at the same time", () => {
    const wall = Date.UTC(2026, 0, 1, 10, 59, 59);
    const clock = new ManualClock({ wall });
    const late = new ManualClock({ wall: wall - 1000 * 1800, now: 5 });
    const one = new Cohorts(clock, SALT, HOUR);
    const two = new Cohorts(late, SALT, HOUR);
    const names = addresses(1000);
    const places = (cohorts: Cohorts, at: ManualClock) => names.map((name) => cohorts.of(name, at.now()));
    const before = places(one, clock);
    assert.deepEqual(places(two, late), before);
    clock.advance(999);
    assert.deepEqual(places(one, clock), before);
    clock.advance(1);
    const after = places(one, clock);
    assert.ok(after.filter((place, i) => place === before[i]).length < 30);
    late.advance(1000 * 1801);
    assert.deepEqual(places(two, late), after);
  });

  test("who uses much gives way before who uses little", () => {
    const cohorts = new Cohorts(new ManualClock(), SALT, HOUR);
    const names = addresses(100);
    for (const name of names) cohorts.used(name, 10, 0);
    cohorts.used(names[7]!, 100_000, 0);
    assert.equal(cohorts.of(names[7]!, 1000), 1);
    assert.ok(names.every((name, i) => i === 7 || cohorts.of(name, 1000) >= 1));
    const places = names.map((name) => cohorts.of(name, 1000));
    assert.ok(new Set(places).size > 40, "those who use as much are told apart");
    assert.deepEqual(
      names.map((name) => cohorts.of(name, 1500)),
      places,
    );
  });

  test("the hash has no order that a client could use, and is never 0", () => {
    assert.ok(addresses(100_000).every((name) => seededHash(name, 42) > 0));
    const next = addresses(1000).filter((name, i, all) => i > 0 && seededHash(name, 7) > seededHash(all[i - 1]!, 7));
    assert.ok(next.length > 430 && next.length < 570, `${next.length}`);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLockout } from "../../../src/ops/lockout.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const fail = (lockout: ReturnType<typeof createLockout>, address: string, times: number): void => {
  for (let i = 0; i < times; i++) lockout.failed(address);
};

test("the tenth failure within a minute locks an address for a minute, and no other", () => {
  const clock = new ManualClock();
  const lockout = createLockout(clock);
  fail(lockout, "192.0.2.1", 9);
  assert.equal(lockout.waitMs("192.0.2.1"), 0);
  fail(lockout, "192.0.2.1", 1);
  assert.equal(lockout.waitMs("192.0.2.1"), 60_000);
  assert.equal(lockout.waitMs("::ffff:192.0.2.1"), 60_000);
  assert.equal(lockout.waitMs("192.0.2.2"), 0);
  clock.advance(59_999);
  assert.equal(lockout.waitMs("192.0.2.1"), 1);
  clock.advance(1);
  assert.equal(lockout.waitMs("192.0.2.1"), 0);
  fail(lockout, "192.0.2.1", 9);
  assert.equal(lockout.waitMs("192.0.2.1"), 0, "and it has its ten again");
});

test("failures spread over more than a minute lock nobody", () => {
  const clock = new ManualClock();
  const lockout = createLockout(clock);
  for (let minute = 0; minute < 10; minute++) {
    fail(lockout, "192.0.2.1", 9);
    assert.equal(lockout.waitMs("192.0.2.1"), 0);
    clock.advance(60_000);
  }
});

test("all of an IPv6 /64 are one", () => {
  const lockout = createLockout(new ManualClock());
  for (let host = 1; host <= 10; host++) lockout.failed(`2001:db8:1:2::${host.toString(16)}`);
  assert.ok(lockout.waitMs("2001:db8:1:2:ffff:ffff:ffff:ffff") > 0);
  assert.equal(lockout.waitMs("2001:db8:1:3::1"), 0);
});

test("no more addresses are remembered than it says, and the longest quiet goes first", () => {
  const lockout = createLockout(new ManualClock(), { failures: 2, windowMs: 60_000, most: 3 });
  for (const last of [1, 2, 3]) lockout.failed(`192.0.2.${last}`);
  lockout.failed("192.0.2.1");
  lockout.failed("192.0.2.4");
  assert.ok(lockout.waitMs("192.0.2.1") > 0);
  lockout.failed("192.0.2.2");
  assert.equal(lockout.waitMs("192.0.2.2"), 0, "its first failure was forgotten");
});

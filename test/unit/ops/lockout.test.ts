import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { addressKey, isLoopback, unmapped } from "../../../src/ops/address.ts";
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

test("address keys: same /64 same key, other /64 other key, spelled however", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const eight = fc.tuple(group, group, group, group, group, group, group, group);
  fc.assert(
    fc.property(eight, eight, (one, two) => {
      const text = (groups: readonly number[]): string => groups.map((each) => each.toString(16)).join(":");
      const sameNet = [...one.slice(0, 4), ...two.slice(4)];
      assert.equal(addressKey(text(sameNet)), addressKey(text(one).toUpperCase()));
      const sameText = text(one.slice(0, 4)) === text(two.slice(0, 4));
      assert.equal(addressKey(text(one)) === addressKey(text(two)), sameText);
    }),
  );
  assert.equal(addressKey("2001:db8::1"), addressKey("2001:db8:0:0:9:9:9:9"));
  assert.equal(addressKey("::1"), "0:0:0:0::/64");
  assert.equal(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(addressKey("1::2:3:4:5:6:7"), "1:0:2:3::/64");
  assert.equal(addressKey("::ffff:192.0.2.1"), "192.0.2.1");
});

test("loopback is told by the address alone", () => {
  for (const address of ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "localhost"]) {
    assert.equal(isLoopback(address), true, address);
  }
  for (const address of ["0.0.0.0", "::", "", "10.0.0.1", "127.evil.example", "localhost.evil.example", "127.1"]) {
    assert.equal(isLoopback(address), false, address);
  }
  assert.equal(unmapped("::FFFF:10.0.0.1"), "10.0.0.1");
});

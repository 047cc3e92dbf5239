import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { clientKey, isLoopback, parseAddress, unmapAddress } from "../../../src/core/address.ts";

test("unmapAddress", () => {
  assert.equal(unmapAddress("::ffff:1.2.3.4"), "1.2.3.4");
  assert.equal(unmapAddress("::FFFF:c0a8:1"), "192.168.0.1");
  assert.equal(unmapAddress("0:0:0:0:0:ffff:1.2.3.4"), "1.2.3.4");
  for (const same of ["1.2.3.4", "::1", "2001:db8::1", "", "x", ":", "::ffff:"]) assert.equal(unmapAddress(same), same);
});

test("clientKey", () => {
  assert.equal(clientKey("1.2.3.4"), "1.2.3.4");
  assert.equal(clientKey("::ffff:1.2.3.4"), "1.2.3.4");
  assert.equal(clientKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(clientKey("2001:DB8:1:2::"), clientKey("2001:db8:0001:2:ffff::1"));
  assert.notEqual(clientKey("2001:db8:1:2::"), clientKey("2001:db8:1:3::"));
  assert.equal(clientKey("::1"), "0:0:0:0::/64");
  assert.equal(clientKey("unix:"), "unix:");
});

test("client keys: same /64 same key, other /64 other key, spelled however", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const eight = fc.tuple(group, group, group, group, group, group, group, group);
  fc.assert(
    fc.property(eight, eight, (one, two) => {
      const text = (groups: readonly number[]): string => groups.map((each) => each.toString(16)).join(":");
      const sameNet = [...one.slice(0, 4), ...two.slice(4)];
      assert.equal(clientKey(text(sameNet)), clientKey(text(one).toUpperCase()));
      const sameText = text(one.slice(0, 4)) === text(two.slice(0, 4));
      assert.equal(clientKey(text(one)) === clientKey(text(two)), sameText);
    }),
  );
  assert.equal(clientKey("2001:db8::1"), clientKey("2001:db8:0:0:9:9:9:9"));
  assert.equal(clientKey("::1"), "0:0:0:0::/64");
  assert.equal(clientKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(clientKey("1::2:3:4:5:6:7"), "1:0:2:3::/64");
  assert.equal(clientKey("::ffff:192.0.2.1"), "192.0.2.1");
});

test("a client's key is the same whichever way the address is read", () => {
  const group = fc.oneof(fc.constantFrom("0", "ffff", "FFFF", "0db8"), fc.stringMatching(/^[0-9a-fA-F]{1,4}$/));
  const mark = fc.constantFrom(":", ":", ":", "::", ".", "");
  const text = fc.oneof(
    fc.array(fc.tuple(group, mark), { minLength: 1, maxLength: 9 }).map((pairs) => pairs.flat().join("")),
    fc
      .tuple(fc.array(group, { maxLength: 7 }), fc.array(group, { maxLength: 7 }))
      .map(([a, b]) => `${a.join(":")}::${b.join(":")}`),
    fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":")),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (address) => {
      const parsed = address.includes(":") ? parseAddress(address) : undefined;
      let expected = address;
      if (parsed?.family === 4) expected = [24, 16, 8, 0].map((by) => (parsed.bits >>> by) & 255).join(".");
      else if (parsed) {
        const [high, low] = parsed.words;
        expected = `${[high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((one) => one.toString(16)).join(":")}::/64`;
      }
      assert.equal(clientKey(address), expected);
    }),
    { numRuns: 2000 },
  );
});

test("loopback is told by the address alone", () => {
  for (const address of ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST"]) {
    assert.equal(isLoopback(address), true, address);
  }
  for (const address of ["0.0.0.0", "::", "", "10.0.0.1", "127.evil.example", "localhost.evil.example", "127.1"]) {
    assert.equal(isLoopback(address), false, address);
  }
});

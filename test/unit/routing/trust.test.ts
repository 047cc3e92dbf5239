import assert from "node:assert/strict";
import { BlockList, isIPv4 } from "node:net";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { UsageError } from "../../../src/core/errors.ts";
import { unmapAddress } from "../../../src/core/address.ts";
import { clientAddress, compileTrust } from "../../../src/routing/trust.ts";
import { processorMs } from "../../support/fair-clock.ts";

suite("compileTrust", () => {
  test("trusts nobody without ranges", () => {
    assert.equal(compileTrust([])("127.0.0.1"), false);
  });

  const cases: readonly [cidr: string, address: string, holds: boolean][] = [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.9.8.7/8", "10.0.0.1", true],
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1", "10.0.0.2", false],
    ["200.0.0.0/5", "207.255.255.255", true],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::ffff:a01:203", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["fd00::/8", "fd12::1", true],
    ["fd00::/8", "fe12::1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["::1", "::1", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["::/0", "2001:db8::1", true],
    ["::/0", "10.0.0.1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["10.0.0.0/8", "10.0.0.1x", false],
    ["10.0.0.0/8", "unknown", false],
    ["10.0.0.0/8", "", false],
  ];
  for (const [cidr, address, holds] of cases) {
    test(`${cidr} ${holds ? "holds" : "does not hold"} ${address}`, () => {
      assert.equal(compileTrust([cidr])(address), holds);
    });
  }

  for (const cidr of [
    "",
    "x",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "::/129",
    "010.0.0.1",
    "::ffff:1.2.3.4/95",
    "fe80::1%eth0/64",
  ]) {
    test(`refuses ${JSON.stringify(cidr)}`, () => {
      assert.throws(
        () => compileTrust([cidr]),
        (error) => error instanceof UsageError && error.message.includes(JSON.stringify(cidr)),
      );
    });
  }

  test("agrees with the lists of node:net", () => {
    const range = fc.oneof(fc.tuple(fc.ipV4(), fc.nat(32)), fc.tuple(fc.ipV6(), fc.nat(128)));
    fc.assert(
      fc.property(range, fc.oneof(fc.ipV4(), fc.ipV6()), ([net, length], address) => {
        if (/^::ffff:|^0:0:0:0:0:ffff/i.test(net) || unmapAddress(address) !== address) return;
        const list = new BlockList();
        list.addSubnet(net, length, isIPv4(net) ? "ipv4" : "ipv6");
        // node:net lets an IPv6 range hold mapped IPv4 addresses; ours keeps the families apart.
        const expected = isIPv4(net) === isIPv4(address) && list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
        assert.equal(compileTrust([`${net}/${length}`])(address), expected);
      }),
    );
  });
});

suite("clientAddress", () => {
  const trusts = compileTrust(["10.0.0.0/8", "fd00::/8"]);
  const of = (peer: string, xff?: string, forwarded?: string) => clientAddress(peer, xff, forwarded, trusts);

  test("fields of a peer that is not trusted do not count", () => {
    assert.deepEqual(of("203.0.113.1", "1.1.1.1", "for=2.2.2.2"), { address: "203.0.113.1", trusted: false });
    assert.deepEqual(of("::ffff:203.0.113.1", "1.1.1.1"), { address: "203.0.113.1", trusted: false });
  });

  const plain: readonly [field: string, address: string][] = [
    ["1.1.1.1", "1.1.1.1"],
    ["9.9.9.9, 1.1.1.1", "1.1.1.1"],
    ["9.9.9.9, 1.1.1.1, 10.0.0.2,10.0.0.3", "1.1.1.1"],
    ["10.0.0.5, 10.0.0.2", "10.0.0.5"],
    ["garbage, 10.0.0.2", "10.0.0.2"],
    ["garbage", "10.0.0.1"],
    ["1.1.1.1, unknown", "10.0.0.1"],
    ["", "10.0.0.1"],
    [" , ,", "10.0.0.1"],
    ["1.1.1.1, ,", "1.1.1.1"],
    ["1.1.1.1:443", "1.1.1.1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::ffff:1.1.1.1", "1.1.1.1"],
    ["::ffff:10.0.0.7", "10.0.0.7"],
    ["1.1.1.1, [::ffff:10.0.0.7]:1", "1.1.1.1"],
    ["1.1.1.01", "10.0.0.1"],
    ["[1.1.1.1]", "10.0.0.1"],
    ["fe80::1%eth0", "10.0.0.1"],
  ];
  for (const [field, address] of plain) {
    test(`X-Forwarded-For ${JSON.stringify(field)} is ${address}`, () => {
      assert.deepEqual(of("10.0.0.1", field), { address, trusted: true });
    });
  }

  const forwarded: readonly [field: string, address: string][] = [
    ["for=1.1.1.1", "1.1.1.1"],
    ["For=1.1.1.1;proto=https;by=_x", "1.1.1.1"],
    ['proto=https;FOR="1.1.1.1:8080"', "1.1.1.1"],
    ['for="[2001:db8::1]:443"', "2001:db8::1"],
    ['for="[2001:db8::1]:_port"', "2001:db8::1"],
    ["for=9.9.9.9, for=1.1.1.1, for=10.0.0.3", "1.1.1.1"],
    ['for="\\1.1.1.1"', "1.1.1.1"],
    ["for=_hidden", "10.0.0.1"],
    ["for=unknown, for=10.0.0.3", "10.0.0.3"],
    ["proto=https", "10.0.0.1"],
    ["for=1.1.1.1;for=2.2.2.2", "10.0.0.1"],
    ['for="2001:db8::1"', "10.0.0.1"],
    ['for=", for=1.1.1.1', "1.1.1.1"],
    ['for="x, for="[2001:db8::1]"', "2001:db8::1"],
    ['for="a,b";proto=http, for=10.0.0.3', "10.0.0.3"],
    ['for=1.1.1.1, for=10.0.0.3;note="a, for=2.2.2.2"', "1.1.1.1"],
    ['for=1.1.1.1;note="a\\", for=2.2.2.2"', "1.1.1.1"],
    ["for=1.1.1.1;", "1.1.1.1"],
    ["for = 1.1.1.1", "10.0.0.1"],
    ["", "10.0.0.1"],
  ];
  for (const [field, address] of forwarded) {
    test(`Forwarded ${field} is ${address}`, () => {
      assert.deepEqual(of("10.0.0.1", undefined, field), { address, trusted: true });
    });
  }

  test("X-Forwarded-For counts where both stand", () => {
    assert.equal(of("10.0.0.1", "1.1.1.1", "for=2.2.2.2").address, "1.1.1.1");
  });

  test("what a client writes to the left changes nothing", () => {
    const left = fc.string({ unit: fc.constantFrom(...'\\",;= for=[]:1.'.split("")) });
    fc.assert(
      fc.property(left, (text) => {
        assert.equal(of("10.0.0.1", `${text}, 203.0.113.9`).address, "203.0.113.9");
        assert.equal(of("10.0.0.1", undefined, `${text}, for=203.0.113.9`).address, "203.0.113.9");
        assert.equal(of("10.0.0.1", undefined, `${text}, for="[2001:db8::9]:1"`).address, "2001:db8::9");
      }),
    );
  });

  test("long fields take linear time and nothing throws", () => {
    const began = processorMs();
    for (const piece of [" ", '"', "\\", ",", "for=", 'for="', ";", "10.0.0.2,", "for=10.0.0.2,", "a=b;", '\\"']) {
      const field = piece.repeat(32_768 / piece.length);
      of("10.0.0.1", field, undefined);
      of("10.0.0.1", undefined, field);
      of("10.0.0.1", undefined, `for=1.1.1.1${field}x`);
      of("10.0.0.1", undefined, `for=1.1.1.1;${field}x`);
    }
    assert.ok(processorMs() - began < 1000);
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => void (of("10.0.0.1", a), of("10.0.0.1", undefined, b))));
  });
});

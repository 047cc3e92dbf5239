import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { classifyField } from "../../../src/http/field-kinds.ts";
import { createHeadReader, readFraming } from "../../../src/http/fields.ts";
import { createForwarding, forwardingFields, isLoop, type Hop } from "../../../src/http/forwarding.ts";

/** Whatever must never stand among the fields that are passed on as they came. */
const NEVER_END_TO_END =
  /^(?:host|content[-_]length|transfer[-_]encoding|connection|keep[-_]alive|proxy|proxy[-_](?:connection|authorization|authenticate)|te|trailer|upgrade|http2[-_]settings|expect|forwarded|via|cdn[-_]loop|x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]original[-_]url|x[-_]rewrite[-_]url|x[-_]http[-_]method[-_]override|x[-_]request[-_]id|traceparent|tracestate|spillway[-_].*|x[-_]request[-_](?:timeout[-_]ms|deadline)|grpc[-_]timeout|x[-_]envoy[-_]expected[-_]rq[-_]timeout[-_]ms|:.*)$/i;

const names = [
  "Host",
  "Content-Length",
  "Transfer-Encoding",
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "Proxy-Authorization",
  "TE",
  "Trailer",
  "Upgrade",
  "HTTP2-Settings",
  "Expect",
  "Forwarded",
  "Via",
  "CDN-Loop",
  "X-Forwarded-For",
  "X-Forwarded-Anything",
  "X-Real-IP",
  "X-Original-URL",
  "X-HTTP-Method-Override",
  "X-Request-Id",
  "traceparent",
  "tracestate",
  "Spillway-Level",
  "X-Request-Timeout-Ms",
  "X-Request-Deadline",
  "grpc-timeout",
  "X-Envoy-Expected-Rq-Timeout-Ms",
  ":authority",
  "Proxy",
  "Cookie",
  "Accept",
  "__proto__",
  "constructor",
];

const spelling = fc
  .tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 2 ** 20 }), fc.boolean())
  .map(([name, bits, folded]) => {
    const cased = Array.from(name, (c, i) => ((bits >> (i % 20)) & 1 ? c.toUpperCase() : c.toLowerCase())).join("");
    return folded ? cased.replaceAll("-", "_") : cased;
  });
const name = fc.oneof(spelling, fc.string({ minLength: 1, maxLength: 12 }));
const value = fc.oneof(
  fc.constantFrom("chunked", "5", "0", "close", "keep-alive", "upgrade", "x-a, x-b", "content-length", "100-continue"),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat());
const version = fc.constantFrom("1.0", "1.1", "2.0");

suite("classifyField", () => {
  test("S15: is the same for every spelling of a name", () => {
    fc.assert(
      fc.property(name, (text) => {
        if (/^[\0-\x7f]*$/.test(text)) {
          assert.equal(classifyField(text.toUpperCase()), classifyField(text.toLowerCase()));
        }
      }),
    );
  });
});

suite("readFraming", () => {
  test("S1, S3: takes plain digits or exactly chunked, never both, and never throws", () => {
    fc.assert(
      fc.property(
        fc.option(value, { nil: undefined }),
        fc.option(value, { nil: undefined }),
        version,
        (length, coding, v) => {
          const framing = readFraming(length, coding, v);
          if ("fault" in framing) return;
          assert.equal(length !== undefined && coding !== undefined, false);
          if (coding !== undefined)
            assert.deepEqual([coding.toLowerCase(), v, framing.chunked], ["chunked", "1.1", true]);
          if (length !== undefined) assert.equal(String(framing.length), length);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("S3: any number of digits that a double holds exactly comes back as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (octets) => {
        assert.deepEqual(readFraming(String(octets), undefined, "1.1"), { length: octets, chunked: false });
      }),
    );
  });
});

suite("the head reader", () => {
  test("S12, C6: whatever comes, no hop-by-hop, framing, forwarding or tracing field is among those passed on", () => {
    const read = createHeadReader(16);
    fc.assert(
      fc.property(fields, version, (raw, v) => {
        const before = [...raw];
        const head = read(raw, v);
        assert.deepEqual(raw, before);
        if ("fault" in head) return;
        for (let i = 0; i < head.endToEnd.length; i += 2) assert.doesNotMatch(head.endToEnd[i]!, NEVER_END_TO_END);
        assert.equal(head.chunked && head.contentLength !== undefined, false);
      }),
      { numRuns: 20_000 },
    );
  });

  test("what is passed on came in this order, and nothing is lost but what has a reason", () => {
    const read = createHeadReader();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "B", "Cookie", "x-y", "__proto__"), value)), (pairs) => {
        const head = read(["host", "a", ...pairs.flat()], "1.1");
        assert.ok(!("fault" in head));
        assert.deepEqual(head.endToEnd, pairs.flat());
      }),
    );
  });

  test("S12: what Connection names is gone, whatever its case", () => {
    const read = createHeadReader();
    fc.assert(
      fc.property(spelling, spelling, (named, option) => {
        const head = read(["Connection", option, named, "x", "Host", "a"], "1.1");
        if ("fault" in head) return;
        const left = head.endToEnd.filter((_, i) => i % 2 === 0).map((one) => one.toLowerCase());
        assert.equal(left.includes(option.toLowerCase()), false);
      }),
    );
  });

  test("a reader that remembers spellings reads as one that does not", () => {
    const remembering = createHeadReader();
    const forgetful = createHeadReader(0);
    fc.assert(
      fc.property(fields, version, (raw, v) => assert.deepEqual(remembering(raw, v), forgetful(raw, v))),
      { numRuns: 5000 },
    );
  });
});

suite("forwardingFields", () => {
  const hop = (peerTrusted: boolean): Hop => ({ peer: "192.0.2.7", peerTrusted, scheme: "https", version: "1.1" });
  const readPlain = createHeadReader();

  test("C6: of an untrusted peer only Via and CDN-Loop are continued, and each field stands there once", () => {
    fc.assert(
      fc.property(fields, (raw) => {
        const head = readPlain(raw, "1.1");
        if ("fault" in head) return;
        const list = forwardingFields(hop(false), head, "a.example", "us");
        const byName = new Map<string, string>();
        for (let i = 0; i < list.length; i += 2) {
          assert.equal(byName.has(list[i]!), false);
          byName.set(list[i]!, list[i + 1]!);
        }
        assert.equal(byName.get("x-forwarded-for"), "192.0.2.7");
        assert.equal(byName.get("x-forwarded-host"), "a.example");
        assert.equal(byName.get("x-forwarded-proto"), "https");
        assert.equal(byName.get("forwarded"), "for=192.0.2.7;host=a.example;proto=https");
        assert.equal(byName.size, 6);
        assert.ok(byName.get("via")!.endsWith("1.1 us"));
        assert.equal(isLoop(byName.get("cdn-loop"), "us"), true);
      }),
    );
  });

  test("remembering the last text changes nothing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fields, fc.constantFrom("a", "b:81")), { maxLength: 5 }),
        fc.boolean(),
        (requests, trusted) => {
          const remembered = createForwarding(hop(trusted), "us");
          for (const [raw, authority] of requests) {
            const head = readPlain(raw, "1.1");
            if ("fault" in head) continue;
            assert.deepEqual(remembered(head, authority), forwardingFields(hop(trusted), head, authority, "us"));
          }
        },
      ),
    );
  });

  test("isLoop never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string(), (field, us) => void isLoop(field, us)));
  });
});

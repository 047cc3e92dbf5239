import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { failed, refused } from "../../../src/core/outcome.ts";
import { requestLine } from "../../../src/telemetry/request-line.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";

const line = (facts: Parameters<typeof endedExchange>[0], redact = (text: string) => text): string =>
  requestLine("info", 1_700_000_000_000.7, { gateway: "g", ...endedExchange(facts) }, redact);

test("a served request: every field, and nothing of headers, query or body", () => {
  assert.deepEqual(JSON.parse(line({ durationMs: 7.12345, dependencyMs: 3 })), {
    level: "info",
    time: 1_700_000_000_000,
    event: "request",
    id: "0123456789abcdef",
    route: "products",
    class: "default",
    method: "GET",
    path: "/api/products/7",
    status: 200,
    outcome: "served",
    dependency: "catalog",
    duration_ms: 7.123,
    dependency_ms: 3,
    bytes_out: 10,
    client: "192.0.2.7",
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    whole: true,
  });
  assert.equal(line({}).includes("hidden"), false);
});

test("a refusal has its reason; a failure its error too, redacted; without a dependency there is no word of one", () => {
  const refusal = JSON.parse(line({ outcome: refused("no-route", "d"), dependencyMs: undefined })) as object;
  assert.equal("reason" in refusal && refusal.reason, "no-route");
  assert.equal("dependency_ms" in refusal, false);
  const failure = line({ outcome: failed("connect", "d", new Error("secret at x")) }, () => "clean");
  assert.equal((JSON.parse(failure) as { error: string }).error, "clean");
});

test("an answer that stands in for another says for what", () => {
  const stale = line({ outcome: { ...served, insteadOf: "wait" } });
  assert.equal((JSON.parse(stale) as { instead_of: string }).instead_of, "wait");
});

test("where a seat was asked for it says how long that took", () => {
  const admission = { limit: 10, inFlight: 10, ahead: 3, estimateMs: 20, capMs: 300, waitedMs: 17.25 };
  for (const outcome of [
    { ...served, admission },
    { ...refused("wait", "d"), admission },
    { ...failed("timeout", "d"), admission },
  ]) {
    assert.equal((JSON.parse(line({ outcome })) as { queue_ms: number }).queue_ms, 17.25);
  }
  assert.equal("queue_ms" in (JSON.parse(line({})) as object), false);
});

test("on a route with a cache it says what that was", () => {
  const stale = line({ outcome: { ...served, cache: { result: "stale", tier: "memory", staleMs: 5 } } });
  assert.equal((JSON.parse(stale) as { cache: string }).cache, "stale");
});

test("D12: whatever a client sends stays inside its own field of one line", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.constantFrom(
      '"',
      "\\",
      '","level":"fatal',
      "\n{}",
      "\u001b[31m",
      "\u2028",
      "\u202e",
      "\ud800",
      "x".repeat(5000),
    ),
  );
  fc.assert(
    fc.property(hostile, hostile, hostile, (path, method, id) => {
      const written = line({ exchange: { path, method, id } });
      assert.equal(written.indexOf("\n"), written.length - 1);
      const acts = (char: string): boolean => char < " " || (char > "~" && char < "\u00a0") || char === "\u202e";
      assert.deepEqual(
        Array.from(written).filter((char) => acts(char)),
        ["\n"],
      );
      const read = JSON.parse(written) as Record<string, string>;
      assert.equal(Object.keys(read).length, 17);
      for (const [name, sent] of Object.entries({ path, method, id })) {
        const got = read[name]!;
        assert.ok(
          got === sent || (sent.length > 1024 && got.length <= 1024) || !sent.isWellFormed(),
          `${name}: ${got}`,
        );
      }
    }),
  );
});

test("milliseconds are numbers to three places, whatever they are", () => {
  const edge = fc.constantFrom(0, 0.0004, 0.0005, 0.001, 0.01, 0.0995, 0.9996, 1, 7.05, 59_999.9996, 86_400_000, 1e12);
  fc.assert(
    fc.property(fc.oneof(edge, fc.double({ min: 0, max: 1e6, noNaN: true })), (durationMs) => {
      assert.equal(
        (JSON.parse(line({ durationMs })) as { duration_ms: number }).duration_ms,
        Math.round(durationMs * 1000) / 1000,
      );
    }),
  );
});

test("a request that was tried more than once says how often", () => {
  const twice = line({ outcome: { ...served, tries: { count: 2, lastAt: 5, dropped: true } } });
  assert.equal((JSON.parse(twice) as { tries: number }).tries, 2);
  const failure = line({ outcome: { ...failed("reset", "d"), tries: { count: 3, lastAt: 5, dropped: true } } });
  assert.equal((JSON.parse(failure) as { tries: number }).tries, 3);
  assert.equal("tries" in (JSON.parse(line({})) as object), false);
});

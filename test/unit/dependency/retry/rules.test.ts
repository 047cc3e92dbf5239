import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { wholeBody } from "../../../../src/core/body.ts";
import type { RequestBody } from "../../../../src/core/exchange.ts";
import { failed, refused, type FailedReason, type Outcome } from "../../../../src/core/outcome.ts";
import { askedPause, isPassing, isReplayable, pauseBefore } from "../../../../src/dependency/retry/rules.ts";

const STATUSES = new Set([502, 503, 504]);
const answer = (status: number, headers: string[] = [], by: "dependency" | "cache" | "gateway" = "dependency") =>
  ({ kind: "served", status, headers, body: wholeBody(Buffer.alloc(0)), by }) satisfies Outcome;
const bodyOf = (whole: Buffer | undefined): RequestBody => ({ whole }) as RequestBody;

suite("what may be tried again", () => {
  test("requests that mean the same when they come twice, with no body or a whole one", () => {
    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
      assert.equal(isReplayable({ method, body: undefined }), true);
      assert.equal(isReplayable({ method, body: bodyOf(Buffer.from("x")) }), true);
      assert.equal(isReplayable({ method, body: bodyOf(undefined) }), false);
    }
    for (const method of ["POST", "PATCH", "LOCK", "put", "QUERY"]) {
      assert.equal(isReplayable({ method, body: undefined }), false);
    }
  });

  test("failures before a head that pass, and the statuses that were set", () => {
    for (const reason of ["connect", "connect-timeout", "timeout", "reset"] satisfies FailedReason[]) {
      assert.equal(isPassing(failed(reason, ""), STATUSES), true);
    }
    for (const reason of ["bad-response", "client-gone", "internal"] satisfies FailedReason[]) {
      assert.equal(isPassing(failed(reason, ""), STATUSES), false);
    }
    assert.deepEqual(
      [200, 404, 429, 500, 501, 502, 503, 504].filter((status) => isPassing(answer(status), STATUSES)),
      [502, 503, 504],
    );
  });

  test("never a refusal of ours, nor an answer that no dependency gave", () => {
    for (const reason of ["full", "wait", "deadline", "shed", "busy"] as const) {
      assert.equal(isPassing(refused(reason, ""), STATUSES), false);
    }
    for (const by of ["cache", "gateway"] as const) assert.equal(isPassing(answer(503, [], by), STATUSES), false);
    assert.equal(isPassing({ kind: "handed-on" }, STATUSES), false);
  });
});

suite("the pause that a dependency asks for", () => {
  const wall = Date.UTC(2026, 0, 1, 12, 0, 0);
  for (const [text, ms] of [
    ["0", 0],
    ["3", 3000],
    [" 120 ", 120_000],
    ["Thu, 01 Jan 2026 12:00:07 GMT", 7000],
    ["Thursday, 01-Jan-26 12:00:07 GMT", 7000],
    ["Thu Jan  1 12:00:07 2026 GMT", 7000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["2026-01-01T12:00:07Z", undefined],
    ["soon", undefined],
    ["99999999999", undefined],
  ] as const) {
    test(`${JSON.stringify(text)} is ${ms} ms`, () => {
      assert.equal(askedPause(answer(503, ["retry-after", text]), wall), ms);
    });
  }

  test("is none where there is no such field or no answer", () => {
    assert.equal(askedPause(answer(503), wall), undefined);
    assert.equal(askedPause(failed("reset", ""), wall), undefined);
  });
});

test("a pause is drawn from 0 up to a base that doubles up to a bound, never less than was asked for", () => {
  const rules = { backoff: 25, maxBackoff: 250 };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map((tries) => pauseBefore(tries, rules, undefined, 1)),
    [25, 50, 100, 200, 250, 250],
  );
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 6 }),
      (asked, drawn, tries) => {
        const ms = pauseBefore(tries, rules, asked, drawn);
        assert.ok(ms >= asked && ms <= asked + 250);
      },
    ),
  );
});

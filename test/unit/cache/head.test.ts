import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { expiredHead, judgeHead, type HeadVerdict } from "../../../src/cache/rules/head.ts";
import { readingOf, usability } from "../../../src/cache/rules/usability.ts";
import type { CachePolicy, StoredHead } from "../../../src/cache/rules.ts";

const T = Date.UTC(2026, 10, 20, 12);
const LM = ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"];
const LATER = ["Last-Modified", "Thu, 01 Jan 2026 00:00:01 GMT"];
const TAG = ["ETag", '"a"'];
const stored = (headers: string[], status = 200): StoredHead => ({ status, headers, initialAge: 0, receivedAt: T });

suite("what a HEAD says of a stored answer of 4 octets, RFC 9111 section 4.3.5", () => {
  const ROWS: [why: string, has: string[], says: string[], verdict: HeadVerdict, status?: number, was?: number][] = [
    ["the same tag", TAG, TAG, "same"],
    ["another tag", TAG, ["ETag", '"b"'], "other"],
    ["the same tag, weak", TAG, ["ETag", 'W/"a"'], "other"],
    ["a tag where none is stored", [], TAG, "other"],
    ["the same date of change", LM, LM, "same"],
    ["another date of change", LM, LATER, "other"],
    ["a date of change where none is stored", TAG, LM, "other"],
    ["the same tag, another date of change", [...TAG, ...LM], [...TAG, ...LATER], "other"],
    ["no tag where one is stored, the same date of change", [...TAG, ...LM], LM, "same"],
    ["the length alone", TAG, ["Content-Length", "4"], "same"],
    ["another length", TAG, [...TAG, "Content-Length", "5"], "other"],
    ["a length that is none", TAG, [...TAG, "Content-Length", "4, 4"], "other"],
    ["the same tag in another coding", TAG, [...TAG, "Content-Encoding", "br"], "other"],
    ["neither validator nor length", TAG, ["X-A", "1"], "unknown"],
    ["an error", TAG, ["ETag", '"b"'], "unknown", 503],
    ["gone", TAG, ["ETag", '"b"'], "unknown", 410],
    ["nothing changed", TAG, TAG, "unknown", 304],
    ["where an error is stored", TAG, TAG, "other", 200, 404],
  ];
  for (const [why, has, headers, verdict, status = 200, was = 200] of ROWS) {
    test(`${why}: ${verdict}`, () => assert.equal(judgeHead(stored(has, was), 4, { status, headers }), verdict));
  }
});

test("an answer that is made stale is so from then on, whoever says how long it lives", () => {
  const head = stored(["Cache-Control", "max-age=60, stale-while-revalidate=30"]);
  const policies: CachePolicy[] = [
    { by: "origin" },
    { by: "operator", ttl: 90_000, staleWhileRevalidate: 30_000, staleIfError: 0 },
  ];
  for (const policy of policies) {
    const now = T + 10_000;
    const expired = expiredHead(head, policy, now, readingOf(head));
    const { age, lifetime, staleWhileRevalidate } = usability(expired, policy, now);
    assert.deepEqual([age - lifetime, staleWhileRevalidate], [0, 30_000]);
    assert.equal(usability(expired, policy, now + 5000).age - lifetime, 5000);
    assert.equal(expiredHead(expired, policy, now, readingOf(expired)), expired);
  }
});

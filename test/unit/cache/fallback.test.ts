import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFallback, standIn } from "../../../src/cache/fallback.ts";
import { fallbackSettings } from "../../../src/cache/fallback-settings.ts";
import { wholeBody } from "../../../src/core/body.ts";
import { headerValue } from "../../../src/core/headers.ts";
import { failed, refused, type Outcome, type Served } from "../../../src/core/outcome.ts";

const compile = (input: object, octets?: Uint8Array) => compileFallback(fallbackSettings.parse(input)!, octets);

const served = (status: number): Served => ({
  kind: "served",
  status,
  headers: ["Cache-Status", "spillway; fwd=miss"],
  body: wholeBody(Buffer.from("theirs")),
  by: "dependency",
});

const textOf = (outcome: Outcome): string =>
  outcome.kind === "served" ? Buffer.concat(outcome.body.takeWhole() ?? []).toString() : outcome.kind;

test("stands in for refusals, failures and 5xx, and for nothing else", () => {
  const fallback = compile({ body: "ours" });
  const cases: readonly (readonly [Outcome, string])[] = [
    [refused("memory", "later"), "ours"],
    [refused("not-stored", "only-if-cached"), "refused"],
    [failed("connect", "none"), "ours"],
    [failed("timeout", "none"), "ours"],
    [failed("client-gone", "left"), "failed"],
    [served(500), "ours"],
    [served(503), "ours"],
    [served(200), "theirs"],
    [served(404), "theirs"],
    [served(429), "theirs"],
  ];
  for (const [outcome, expected] of cases) assert.equal(textOf(standIn(fallback, "GET", outcome)), expected);
});

test("says what it stands in for, with what admission saw", () => {
  const admission = { limit: 4, inFlight: 4, ahead: 1, estimateMs: 80, capMs: 20, waitedMs: 0 };
  const outcome = standIn(compile({ body: "ours" }), "GET", { ...refused("wait", "later"), admission });
  assert.ok(outcome.kind === "served");
  assert.deepEqual([outcome.insteadOf, outcome.admission], ["wait", admission]);
});

test("says what it is, is never kept, and is by the gateway", () => {
  const outcome = standIn(compile({ status: 203, body: "ours", headers: { "X-Reason": "calm" } }), "GET", served(502));
  assert.ok(outcome.kind === "served");
  assert.deepEqual([outcome.status, outcome.by, outcome.cache], [203, "gateway", { result: "fallback" }]);
  assert.deepEqual(outcome.headers, [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    "4",
    "Cache-Control",
    "no-store",
    "X-Reason",
    "calm",
    "Cache-Status",
    "spillway; fwd=miss; detail=fallback",
  ]);
});

test("HEAD gets its fields without its body, and what it replaces is given up", () => {
  const replaced = served(500);
  let ending = "";
  replaced.body.whenDone((how) => void (ending = how));
  const outcome = standIn(compile({ json: { items: [] } }), "HEAD", replaced);
  assert.ok(outcome.kind === "served");
  assert.equal(textOf(outcome), "");
  assert.equal(headerValue(outcome.headers, "content-length"), "12");
  assert.equal(headerValue(outcome.headers, "content-type"), "application/json");
  assert.equal(ending, "cancelled");
});

test("a file's octets are given as they are, its type by its name", () => {
  const octets = new Uint8Array([0, 255, 13]);
  for (const [file, type] of Object.entries({ "a.json": "application/json", "b/a.HTML": "text/html; charset=utf-8" })) {
    assert.equal(headerValue(compile({ file }, octets).headers, "content-type"), type);
  }
  const plain = compile({ file: "octets" }, octets);
  assert.equal(headerValue(plain.headers, "content-type"), "application/octet-stream");
  assert.deepEqual([...plain.body], [0, 255, 13]);
  assert.equal(headerValue(compile({ file: "a", contentType: "x/y" }, octets).headers, "content-type"), "x/y");
});

test("takes one body, no field that is the gateway's, and none for a status without", () => {
  const fails = (input: object, message: RegExp) => assert.throws(() => fallbackSettings.parse(input), message);
  fails({ body: "a", json: 1 }, /one of body, file and json/);
  fails({}, /give its body/);
  fails({ status: 204, body: "a" }, /has no body/);
  fails({ body: "a", headers: { "Cache-Control": "max-age=1" } }, /writes this field/);
  fails({ body: "a", headers: { "Content-Length": "9" } }, /writes this field/);
  fails({ json: "x".repeat(1024 * 1024) }, /1 MiB/);
  assert.equal(fallbackSettings.parse({ status: 204 })?.status, 204);
  assert.equal(compile({ json: null }).body.toString(), "null");
});

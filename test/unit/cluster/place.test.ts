import assert from "node:assert/strict";
import { test } from "node:test";
import {
  follows,
  forked,
  gone,
  heard,
  serves,
  ticked,
  vacant,
  type Place,
  type Verdict,
} from "../../../src/cluster/place.ts";

function tickTimes(from: Place, times: number): { place: Place; verdict: Verdict } {
  let step: { place: Place; verdict: Verdict } = { place: from, verdict: "fine" };
  for (let i = 0; i < times; i++) step = ticked(step.place);
  return step;
}

const serving = serves(forked(vacant), 1000, "h1");

test("vacant, starting, serving, vacant", () => {
  assert.equal(vacant.phase, "vacant");
  assert.equal(forked(vacant).phase, "starting");
  assert.deepEqual(serving, { phase: "serving", crashes: 0, unanswered: 0, since: 1000, hash: "h1" });
  assert.deepEqual(gone(serving, 2000), { place: { phase: "vacant", crashes: 1 }, wait: 0 });
});

test("the second crash in a row waits, and a start that never came to serve counts", () => {
  const once = gone(forked(vacant), 0).place;
  assert.deepEqual(gone(forked(once), 0), { place: { phase: "vacant", crashes: 2 }, wait: 100 });
});

test("a worker is silent with the eleventh ping unanswered, and any word makes up for all", () => {
  assert.equal(tickTimes(serving, 10).verdict, "fine");
  assert.equal(tickTimes(serving, 11).verdict, "silent");
  assert.equal(tickTimes(heard(tickTimes(serving, 10).place), 10).verdict, "fine");
  assert.equal(tickTimes(forked(vacant), 11).verdict, "silent");
});

test("a worker that answers yet never serves is a slow start", () => {
  let place = forked(vacant);
  const verdicts: Verdict[] = [];
  for (let i = 0; i < 31; i++) {
    const step = ticked(place);
    verdicts.push(step.verdict);
    place = heard(step.place);
  }
  assert.deepEqual(new Set(verdicts.slice(0, 30)), new Set(["fine"]));
  assert.equal(verdicts[30], "slow-start");
});

test("only one that starts can begin to serve, and only one that serves can follow a reload", () => {
  assert.equal(serves(vacant, 0, "h"), vacant);
  assert.equal(serves(serving, 5000, "h2"), serving);
  assert.equal(follows(vacant, "h2"), vacant);
  assert.deepEqual(follows(serving, "h2"), { ...serving, hash: "h2" });
  assert.equal(heard(vacant), vacant);
  assert.deepEqual(ticked(vacant), { place: vacant, verdict: "fine" });
});

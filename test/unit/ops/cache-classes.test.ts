import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheReading } from "../../../src/core/cache-control.ts";
import { sumOf } from "../../../src/ops/cache-sum.ts";

const reading = (bytes: number, notPromoted: number): CacheReading => ({
  tiers: [],
  classes: ["", "hot"].map((name) => ({
    class: name,
    entries: 1,
    bytes,
    maxBytes: 100,
    removed: { capacity: 2, expired: 3 },
  })),
  moved: { demoted: 1, notDemoted: 0, notPromoted },
  routes: [],
  removed: {},
  notStored: {},
  lifetimes: [],
  flights: 0,
  ledger: { position: 0, tags: 0, urls: 0, bans: 0, floor: { soft: 0, hard: 0 } },
  used: [],
  missed: [],
});

test("memory of each class, and what moved between tiers, is added up over the processes", () => {
  const { classes, moved } = sumOf([reading(10, 4), reading(30, 5)], 0);
  const each = { entries: 2, bytes: 40, maxBytes: 200, removed: { capacity: 4, expired: 6 } };
  assert.deepEqual(classes, [
    { class: "", ...each },
    { class: "hot", ...each },
  ]);
  assert.deepEqual(moved, { demoted: 2, notDemoted: 0, notPromoted: 9 });
});

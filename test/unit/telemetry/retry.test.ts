import assert from "node:assert/strict";
import { test } from "node:test";
import type { DependencyReading } from "../../../src/core/dependency-reading.ts";
import { dependencyReading } from "../../support/dependency-reading.ts";
import { retryViews } from "../../../src/telemetry/retry.ts";

const read = (): readonly DependencyReading[] => [
  { ...dependencyReading("off"), retry: undefined },
  dependencyReading("catalog"),
];

test("further tries by what became of them, and those that are saved up, of each dependency that has any", () => {
  const samples = retryViews(read).map(({ name, samples: of }) => [name, of()]);
  assert.deepEqual(samples, [
    [
      "spillway_retries_total",
      [
        { labels: { dependency: "catalog", result: "recovered" }, value: 7 },
        { labels: { dependency: "catalog", result: "no-budget" }, value: 0 },
      ],
    ],
    ["spillway_retry_tokens", [{ labels: { dependency: "catalog" }, value: 2.5 }]],
  ]);
});

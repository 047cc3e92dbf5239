import assert from "node:assert/strict";
import { test } from "node:test";
import { adaptiveLimit } from "../../../../src/admission/limits/adaptive.ts";
import { scenarios } from "../../../support/simulator/scenario.ts";
import { simulate } from "../../../support/simulator/simulate.ts";
import { seeded } from "../../../support/traces.ts";

const bounds = { initial: 10, min: 2, max: 1000 };

for (const name of ["A", "C", "D", "E", "F", "F'", "G", "H"]) {
  const scenario = scenarios.find((scenario) => scenario.name === name)!;
  test(`adaptive: ${scenario.about}: 95 % of what is possible`, () => {
    const { served } = simulate(scenario, adaptiveLimit(bounds, seeded(1)), 1);
    assert.ok(served >= 0.95, `${(100 * served).toFixed(1)} %`);
  });
}

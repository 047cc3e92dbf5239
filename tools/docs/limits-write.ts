/** Runs the simulator and stores what docs/limits.md shows: `npm run limits:write`, then `npm run docs:write`. */
import { writeFileSync } from "node:fs";
import { contenders, results } from "../../test/support/simulator/results.ts";
import { cells, scenarioOf, sweepOf } from "../../test/support/simulator/sweep.ts";
import { rounded, type Stored } from "./limits.ts";

const swept = contenders.filter(({ settings }) => settings.algorithm === "adaptive");
const stored: Stored = {
  scenarios: rounded(results()),
  sweep: rounded(
    Object.fromEntries(
      swept.map((contender) => [
        contender.name,
        Object.fromEntries(cells.map((cell) => [scenarioOf(cell).name, sweepOf(contender, cell)])),
      ]),
    ),
  ),
};
writeFileSync(new URL("limits.json", import.meta.url), `${JSON.stringify(stored)}\n`);

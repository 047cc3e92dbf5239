import type { Random } from "../../core/clock.ts";
import { adaptiveLimit } from "./adaptive.ts";
import { aimdLimit } from "./aimd.ts";
import { fixedLimit } from "./fixed.ts";
import { gradient2Limit } from "./gradient2.ts";
import type { Bounds, Limit } from "./limit.ts";
import { vegasLimit } from "./vegas.ts";

/** Names of the algorithms, the default last. */
export const ALGORITHMS = ["fixed", "aimd", "vegas", "gradient2", "adaptive"] as const;

export interface LimitSettings extends Bounds {
  readonly algorithm: (typeof ALGORITHMS)[number];
}

/** The limit of one dependency; `fixed` has `initial` seats. */
export function createLimit(settings: LimitSettings, random: Random): Limit {
  switch (settings.algorithm) {
    case "fixed":
      return fixedLimit(settings);
    case "aimd":
      return aimdLimit(settings);
    case "vegas":
      return vegasLimit(settings, random);
    case "gradient2":
      return gradient2Limit(settings);
    case "adaptive":
      return adaptiveLimit(settings, random);
  }
}

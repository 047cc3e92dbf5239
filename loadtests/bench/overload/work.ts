/** How long a request keeps a slot busy, by the first segment of its path. */
import { type Chance, normal } from "./seeded.ts";

export type Work =
  | { readonly kind: "fixed"; readonly ms: number }
  /** Mean `ms`; `sigma` of the logarithm. */
  | { readonly kind: "lognormal"; readonly ms: number; readonly sigma: number }
  /** `long` instead of `short` at a share of all. */
  | { readonly kind: "bimodal"; readonly short: number; readonly long: number; readonly share: number };

/** Mean of the default: 10 slots of it are 200 requests a second. */
export const MEAN_MS = 50;

export const WORKS: Readonly<Record<string, Work>> = {
  fixed: { kind: "fixed", ms: MEAN_MS },
  lognormal: { kind: "lognormal", ms: MEAN_MS, sigma: 0.5 },
  bimodal: { kind: "bimodal", short: 20, long: 320, share: 0.1 },
  light: { kind: "fixed", ms: 20 },
  heavy: { kind: "fixed", ms: 320 },
  wide: { kind: "fixed", ms: 200 },
};

/** Any path that names no work of its own is of the fixed kind. */
export function workOf(path: string): Work {
  return WORKS[path.split("/")[1] ?? ""] ?? WORKS["fixed"]!;
}

export function draw(work: Work, chance: Chance): number {
  switch (work.kind) {
    case "fixed":
      return work.ms;
    case "lognormal":
      return work.ms * Math.exp(work.sigma * normal(chance) - work.sigma ** 2 / 2);
    case "bimodal":
      return chance() < work.share ? work.long : work.short;
  }
}

export function meanOf(work: Work): number {
  return work.kind === "bimodal" ? work.long * work.share + work.short * (1 - work.share) : work.ms;
}

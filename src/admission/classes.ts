import type { PriorityClass } from "../core/exchange.ts";

/** The classes, most important first; a class's place in this list is its rank. */
export const CLASSES: readonly PriorityClass[] = ["system", "critical", "default", "sheddable", "bulk"];

/** The rank of a class: 0 goes first. */
export const RANKS: Readonly<Record<PriorityClass, number>> = {
  system: 0,
  critical: 1,
  default: 2,
  sheddable: 3,
  bulk: 4,
};

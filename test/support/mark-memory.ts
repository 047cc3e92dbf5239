/** Purges a million tags of 16 characters and more, and prints the octets that each takes in the ledger. */
import { Ledger } from "../../src/cache/tags/ledger.ts";

const MARKS = 1_000_000;
const settle = (): number => {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** A text of its own, as one that came with a request is. */
const read = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

const ledger = new Ledger();
const before = settle();
// Positions as they are after decades: too large for the small integers of the engine.
for (let i = 0; i < MARKS; i++) {
  const tag = read(`product:${String(i).padStart(8, "0")}`);
  ledger.record({ targets: [{ kind: "tag", tag }], soft: i % 10 === 0 }, 2 ** 50 + i);
}
const each = (settle() - before) / MARKS;
console.log(JSON.stringify({ each, tags: ledger.size().tags }));

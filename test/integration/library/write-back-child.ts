/** Sets one key after the other, each to a number that grows, and says each number once its `set` has resolved. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createCache } from "../../../src/library.ts";
import { fairClock } from "../../support/fair-clock.ts";

const [file, ending] = process.argv.slice(2);
const cache = createCache({
  write: "back",
  flushEvery: "200ms",
  writer: (key, value) => appendFileSync(file!, `${key} ${String(value)}\n`),
});

const startedAt = fairClock.now();
const most = ending === "close" ? 500 : Number.POSITIVE_INFINITY;
for (let n = 1; n <= most; n++) {
  await cache.set(`k${n % 10}`, n);
  process.stdout.write(`${n} ${Math.round(fairClock.now() - startedAt)}\n`);
  await sleep(1);
}
await cache.close();

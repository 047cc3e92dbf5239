/** What many who ask at once for the same meet: calls at the origin, times, and whether anybody got another's answer. */
import { median, quantile } from "../statistics.ts";
import { figure } from "../table.ts";
import { ask, crowd, type Got } from "./client.ts";
import type { Origin } from "./origin.ts";

export interface Scene {
  readonly port: number;
  readonly origin: Origin;
  /** Part of every path, so that no contender and no run meets what another left behind. */
  readonly mark: string;
}

/** One row of the report: its name, and what a contender makes of it as text. */
export interface Herd {
  readonly name: string;
  run(scene: Scene): Promise<string>;
}

const HERD = 300;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const good = (all: readonly Got[]): number => all.filter(({ status }) => status === 200).length;
const totals = (all: readonly Got[]): number[] => all.map(({ total }) => total);
const distinct = (all: readonly Got[]): number => new Set(all.map(({ body }) => body)).size;

const cold: Herd = {
  name: `cold herd of ${HERD}, 200 ms: calls; p50 over the origin, ms`,
  async run({ port, origin, mark }) {
    const path = `/${mark}/cold`;
    const all = await crowd(HERD, () => ({ port, path: `${path}?after=200&size=1024` }));
    return `${good(all)} ok; ${origin.calls(path)}; +${figure(median(totals(all)) - 200, 0)}`;
  },
};

const expired: Herd = {
  name: `expired herd of ${HERD}, stale-while-revalidate, 200 ms: stale; calls; p50 / p99 ms`,
  async run({ port, origin, mark }) {
    const path = `/${mark}/expired`;
    const query = "after=200&size=1024&control=max-age=1,stale-while-revalidate=600";
    await ask({ port, path: `${path}?${query}` });
    await sleep(2200);
    const before = origin.calls(path);
    const all = await crowd(HERD, () => ({ port, path: `${path}?${query}` }));
    const stale = all.filter(({ status, body }) => status === 200 && body.startsWith("call 1 ")).length;
    await sleep(400);
    const times = totals(all);
    const [p50, p99] = [median(times), quantile(times, 0.99)];
    return `${stale}; ${origin.calls(path) - before}; ${figure(p50, 0)} / ${figure(p99, 0)}`;
  },
};

const variants: Herd = {
  name: "cold herd of 4 x 75 variants, 200 ms: calls; wrong variants; p50 ms",
  async run({ port, origin, mark }) {
    const path = `/${mark}/vary`;
    const query = "after=200&vary=Accept-Language&size=100";
    const languages = ["de", "en", "fr", "it"];
    const all = await crowd(HERD, (i) => ({
      port,
      path: `${path}?${query}`,
      headers: { "Accept-Language": languages[i % 4]! },
    }));
    const bodies = languages.map((_, l) => new Set(all.filter((_one, i) => i % 4 === l).map(({ body }) => body)));
    const mixed = distinct(all) < 4 ? "some" : bodies.some(({ size }) => size > 1) ? "several calls each" : "none";
    return `${good(all)} ok; ${origin.calls(path)}; ${mixed}; ${figure(median(totals(all)), 0)}`;
  },
};

const noStore: Herd = {
  name: "no-store, 2 waves of 100, 200 ms: slowest of each wave, ms; answers shared",
  async run({ port, mark }) {
    const path = `/${mark}/personal?after=200&control=no-store`;
    const waves = [await crowd(100, () => ({ port, path })), await crowd(100, () => ({ port, path }))];
    const slowest = waves.map((wave) => figure(Math.max(...totals(wave)), 0));
    const shared = 200 - distinct(waves.flat());
    return `${slowest.join(", ")}; ${shared}`;
  },
};

const leader: Herd = {
  name: "the leader of 100 leaves after 50 of 400 ms: ok; calls; slowest, ms",
  async run({ port, origin, mark }) {
    const path = `/${mark}/leader`;
    const url = `${path}?after=400&size=1024`;
    const first = ask({ port, path: url, leaveAfter: 50 });
    await sleep(20);
    const others = await crowd(99, () => ({ port, path: url }));
    await first;
    return `${good(others)}; ${origin.calls(path)}; ${figure(Math.max(...totals(others)), 0)}`;
  },
};

const dripping: Herd = {
  name: "who joins a body that drips for 1 s: ms to the first octet; calls",
  async run({ port, origin, mark }) {
    const path = `/${mark}/drip`;
    const url = `${path}?drip=100&size=200`;
    const first = ask({ port, path: url });
    await sleep(300);
    const joiner = await ask({ port, path: url });
    await first;
    return `${figure(joiner.first, 0)}; ${origin.calls(path)}`;
  },
};

export const HERDS: readonly Herd[] = [cold, expired, variants, noStore, leader, dripping];

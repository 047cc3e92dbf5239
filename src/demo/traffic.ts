import type { Random } from "../core/clock.ts";

/** One request of the demo's load. */
export interface Planned {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface Kind {
  /** Share of the mix, relative to the others. */
  readonly weight: number;
  plan(random: Random): Planned;
}

const get = (path: string, headers: Planned["headers"] = {}): Planned => ({
  method: "GET",
  path,
  headers,
  body: undefined,
});

const post = (path: string, value: unknown, headers: Planned["headers"] = {}): Planned => ({
  method: "POST",
  path,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(value),
});

/** Few ids are asked for often, most of them seldom: 1 to 240. */
const product = (random: Random): number => 1 + Math.floor(240 * random() ** 3);

const someone = (random: Random) => ({ Authorization: `Bearer demo-${1 + Math.floor(20 * random())}` });

const QUERIES = ["oak", "lamp", "kitchen", "desk", "wool", "mug", "steel", "office"] as const;

const query = (random: Random): string => QUERIES[Math.floor(QUERIES.length * random())] ?? QUERIES[0];

const KINDS: readonly Kind[] = [
  { weight: 20, plan: (random) => get(`/api/products?page=${1 + Math.floor(12 * random() ** 2)}`) },
  { weight: 40, plan: (random) => get(`/api/products/${product(random)}`) },
  { weight: 10, plan: (random) => get(`/api/search?q=${query(random)}`) },
  { weight: 8, plan: (random) => get("/api/me", someone(random)) },
  { weight: 5, plan: (random) => get("/api/cart", someone(random)) },
  { weight: 2, plan: (random) => post("/api/cart", { product: product(random), quantity: 1 }, someone(random)) },
  { weight: 5, plan: () => get("/api/slow") },
  { weight: 5, plan: () => get("/api/flaky") },
  { weight: 3, plan: () => get("/api/report") },
  { weight: 1, plan: () => get("/api/events") },
  { weight: 1, plan: (random) => post("/api/echo", { number: Math.floor(1000 * random()) }) },
];

const TOTAL = KINDS.reduce((sum, kind) => sum + kind.weight, 0);

/** The next request of the weighted mix. */
export function planRequest(random: Random): Planned {
  let left = random() * TOTAL;
  for (const kind of KINDS) {
    left -= kind.weight;
    if (left < 0) return kind.plan(random);
  }
  return get("/api/products");
}

/** Milliseconds until the next arrival of a Poisson process with `rate` arrivals a second. */
export const nextGapMs = (rate: number, random: Random): number => (-Math.log(1 - random()) * 1000) / rate;

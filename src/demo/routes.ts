import type { Random } from "../core/clock.ts";
import { type Call, collectBody, type Fields, pause, sendCacheable, sendError, sendJson } from "./answer.ts";
import type { Carts } from "./carts.ts";
import { customerOf, findProduct, priceEvent, productPage, salesReport, searchProducts } from "./data.ts";
import { sendEcho, sendEvents } from "./streams.ts";

type Answerer = (call: Call) => void | Promise<void>;

export interface Route {
  /** Of the path; its first group, if any, becomes `call.id`. */
  readonly pattern: RegExp;
  /** HEAD is answered by GET. */
  readonly methods: Readonly<Record<string, Answerer>>;
}

/** Octets of a JSON body that `/api/cart` and `/faults` take. */
export const JSON_BODY_LIMIT = 16 * 1024;

const PRIVATE: Fields = { "Cache-Control": "private, max-age=30", Vary: "Authorization, Cookie" };

/** The routes under `/api/`. `random` decides what is flaky and how slow slow is. */
export function apiRoutes(random: Random, carts: Carts): readonly Route[] {
  const report = salesReport();
  return [
    { pattern: /^\/api\/products$/, methods: { GET: listProducts } },
    { pattern: /^\/api\/products\/([^/]+)$/, methods: { GET: oneProduct } },
    {
      pattern: /^\/api\/me$/,
      methods: { GET: (call) => whenKnown(call, (who) => sendJson(call, 200, customerOf(who), PRIVATE)) },
    },
    {
      pattern: /^\/api\/cart$/,
      methods: {
        GET: (call) => whenKnown(call, (who) => sendJson(call, 200, { lines: carts.linesOf(who) }, PRIVATE)),
        POST: (call) => whenKnown(call, (who) => addToCart(call, who, carts)),
      },
    },
    { pattern: /^\/api\/search$/, methods: { GET: search } },
    { pattern: /^\/api\/slow$/, methods: { GET: (call) => slow(call, random) } },
    { pattern: /^\/api\/flaky$/, methods: { GET: (call) => flaky(call, random()) } },
    { pattern: /^\/api\/report$/, methods: { GET: (call) => sendCacheable(call, report, publicFor(60, "report")) } },
    { pattern: /^\/api\/events$/, methods: { GET: (call) => sendEvents(call, priceEvent) } },
    { pattern: /^\/api\/echo$/, methods: { POST: sendEcho } },
  ];
}

const publicFor = (seconds: number, tags: string): Fields => ({
  "Cache-Control": `public, max-age=${seconds}, stale-while-revalidate=300`,
  "Surrogate-Key": tags,
});

function listProducts(call: Call): Promise<void> {
  const page = wholeNumber(call.url.searchParams.get("page"), 1, 1000);
  const size = wholeNumber(call.url.searchParams.get("size"), 20, 100);
  if (page === undefined || size === undefined) {
    return sendError(call, 400, "page must be a whole number from 1 to 1000, size from 1 to 100");
  }
  return sendCacheable(call, productPage(page, size), publicFor(30, "products"));
}

/** From 1 to `most`; undefined when the text is anything else. */
function wholeNumber(text: string | null, fallback: number, most: number): number | undefined {
  if (text === null) return fallback;
  const value = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
}

function oneProduct(call: Call): Promise<void> {
  const product = findProduct(call.id);
  return product
    ? sendCacheable(call, product, publicFor(60, `products product-${product.id}`))
    : sendError(call, 404, "no such product: ids run from 1 to 240");
}

function whenKnown(call: Call, answer: (credential: string) => Promise<void>): Promise<void> {
  const credential = call.req.headers.authorization ?? call.req.headers.cookie;
  if (credential) return answer(credential);
  const fields = { "WWW-Authenticate": 'Bearer realm="demo"' };
  return sendError(call, 401, "send any Authorization or Cookie: each value is a customer of its own", fields);
}

async function addToCart(call: Call, who: string, carts: Carts): Promise<void> {
  const body = await collectBody(call.req, JSON_BODY_LIMIT);
  if (body === "gone") return;
  if (body === "too-large") return sendTooLarge(call);
  const added = carts.add(who, body.text);
  if (added.kind === "refused") return sendError(call, 400, added.error);
  return sendJson(call, 201, { lines: added.lines }, { "Cache-Control": "no-store" });
}

export const sendTooLarge = (call: Call): Promise<void> =>
  sendError(call, 413, `the body is over ${JSON_BODY_LIMIT / 1024} KiB: send less`, { Connection: "close" });

function search(call: Call): Promise<void> {
  const query = call.url.searchParams.get("q") ?? "";
  if (query.length < 1 || query.length > 100) return sendError(call, 400, "q must have 1 to 100 characters");
  return sendJson(call, 200, { query, items: searchProducts(query) }, { "Cache-Control": "public, max-age=5" });
}

async function slow(call: Call, random: Random): Promise<void> {
  const ms = 300 + random() * 200;
  if ((await pause(call.clock, call.res, ms)) === "gone") return;
  await sendJson(call, 200, { waitedMs: Math.round(ms) }, { "Cache-Control": "no-store" });
}

/** Shares of 500 and of 503, without any fault switched on. */
const FLAKY_500 = 0.15;
const FLAKY_503 = 0.15;

function flaky(call: Call, roll: number): Promise<void> {
  if (roll < FLAKY_500) return sendError(call, 500, "flaky by design");
  if (roll < FLAKY_500 + FLAKY_503) return sendError(call, 503, "flaky by design", { "Retry-After": "1" });
  return sendJson(call, 200, { luck: "good" }, { "Cache-Control": "no-store" });
}

import { createHash } from "node:crypto";

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  /** In cents. */
  readonly price: number;
  readonly stock: number;
  readonly rating: number;
}

const MATERIALS = ["Oak", "Steel", "Linen", "Glass", "Cork", "Copper", "Wool", "Slate", "Birch", "Clay"] as const;
const THINGS = ["Lamp", "Chair", "Kettle", "Shelf", "Mug", "Desk", "Rug", "Clock"] as const;
const CATEGORIES = ["light", "seating", "kitchen", "storage", "kitchen", "office", "textile", "office"] as const;

const PRODUCT_COUNT = 240;

/** The catalog, the same in every run: ids 1 to 240. */
export const PRODUCTS: readonly Product[] = Object.freeze(
  Array.from({ length: PRODUCT_COUNT }, (_, i) => productOf(i + 1)),
);

function productOf(id: number): Product {
  const thing = id % THINGS.length;
  const material = MATERIALS[Math.floor(id / THINGS.length) % MATERIALS.length]!;
  return {
    id,
    name: `${material} ${THINGS[thing]!} ${Math.ceil(id / (THINGS.length * MATERIALS.length))}`,
    category: CATEGORIES[thing]!,
    price: 500 + ((id * 7919) % 20_000),
    stock: (id * 31) % 100,
    rating: 1 + ((id * 13) % 41) / 10,
  };
}

/** Undefined for what is no id of the catalog, such as "007", "1.0" or "0". */
export function findProduct(id: string): Product | undefined {
  return /^[1-9]\d{0,5}$/.test(id) ? PRODUCTS[Number(id) - 1] : undefined;
}

/** From 1; `size` products a page. A page beyond the last is empty. */
export function productPage(page: number, size: number) {
  const from = (page - 1) * size;
  return { page, size, total: PRODUCTS.length, items: PRODUCTS.slice(from, from + size) };
}

/** Rounds of SHA-256 a product costs in a search: 240 x 12 take a few milliseconds. */
const SEARCH_ROUNDS = 12;

/** At most ten products whose name or category holds `query`, best first; ranking burns CPU on purpose. */
export function searchProducts(query: string): { readonly product: Product; readonly score: number }[] {
  const wanted = query.toLowerCase();
  const found = PRODUCTS.map((product) => ({ product, score: scoreOf(product, wanted) }));
  return found
    .filter(({ product }) => `${product.name} ${product.category}`.toLowerCase().includes(wanted))
    .sort((a, b) => b.score - a.score || a.product.id - b.product.id)
    .slice(0, 10);
}

function scoreOf(product: Product, query: string): number {
  let digest = Buffer.from(`${query} ${product.name}`);
  for (let round = 0; round < SEARCH_ROUNDS; round++) digest = createHash("sha256").update(digest).digest();
  return digest.readUInt16BE(0);
}

/** Name of the customer that a credential stands for: the same credential is the same customer in every run. */
export function customerOf(credential: string) {
  const digest = createHash("sha256").update(credential).digest();
  const id = digest.readUInt32BE(0);
  return { id, name: `Customer ${id % 10_000}`, tier: digest[4]! % 4 === 0 ? "gold" : "standard" };
}

/** Rows of the report: about 200 KiB of JSON. */
const REPORT_ROWS = 2_000;

export function salesReport() {
  const rows = Array.from({ length: REPORT_ROWS }, (_, i) => {
    const product = PRODUCTS[i % PRODUCTS.length]!;
    const units = (i * 37) % 90;
    return {
      day: 1 + (i % 30),
      product: product.id,
      name: product.name,
      units,
      revenue: units * product.price,
      region: i % 7,
    };
  });
  return { currency: "EUR", rows };
}

/** The price of a product after the event with this number. */
export function priceEvent(number: number) {
  const product = PRODUCTS[(number * 17) % PRODUCTS.length]!;
  return { product: product.id, price: product.price + ((number * 101) % 400) - 200 };
}

/** Strong entity tag of these octets. */
export const etagOf = (bytes: Buffer): string =>
  `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;

import { findProduct } from "./data.ts";

export interface CartLine {
  readonly product: number;
  readonly quantity: number;
}

export type Added =
  | { readonly kind: "added"; readonly lines: readonly CartLine[] }
  | { readonly kind: "refused"; readonly error: string };

/** Carts kept at once; a new customer beyond them takes the place of the one who came first. */
const CARTS_AT_MOST = 1000;
const QUANTITY_AT_MOST = 99;

/** What customers have put together since the start; a cart holds one line a product. */
export class Carts {
  readonly #carts = new Map<string, Map<number, number>>();

  linesOf(credential: string): CartLine[] {
    return [...(this.#carts.get(credential) ?? [])].map(([product, quantity]) => ({ product, quantity }));
  }

  /** Takes a JSON text such as `{ "product": 7, "quantity": 2 }`; `quantity` defaults to 1. */
  add(credential: string, json: string): Added {
    const line = parseLine(json);
    if (!line) {
      const error = `expected { "product": 1 to 240, "quantity": 1 to ${QUANTITY_AT_MOST} }`;
      return { kind: "refused", error };
    }
    const cart = this.#cartOf(credential);
    cart.set(line.product, Math.min((cart.get(line.product) ?? 0) + line.quantity, QUANTITY_AT_MOST));
    return { kind: "added", lines: this.linesOf(credential) };
  }

  #cartOf(credential: string): Map<number, number> {
    const known = this.#carts.get(credential);
    if (known) return known;
    if (this.#carts.size >= CARTS_AT_MOST) {
      for (const oldest of this.#carts.keys()) {
        this.#carts.delete(oldest);
        break;
      }
    }
    const cart = new Map<number, number>();
    this.#carts.set(credential, cart);
    return cart;
  }
}

function parseLine(json: string): CartLine | undefined {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof given !== "object" || given === null) return undefined;
  const { product, quantity = 1 } = given as { readonly product?: unknown; readonly quantity?: unknown };
  if (typeof product !== "number" || !findProduct(String(product))) return undefined;
  if (typeof quantity !== "number" || !Number.isInteger(quantity)) return undefined;
  return quantity >= 1 && quantity <= QUANTITY_AT_MOST ? { product, quantity } : undefined;
}

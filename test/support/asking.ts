import type { Departure, PriorityClass } from "../../src/core/exchange.ts";
import type { Asking } from "../../src/admission/waiter.ts";

/** A client that can leave. */
export class Client implements Departure {
  gone = false;
  readonly #listeners = new Set<() => void>();

  /** Listeners that have not been taken back. */
  get listeners(): number {
    return this.#listeners.size;
  }

  onGone(listener: () => void): () => void {
    if (this.gone) listener();
    else this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  leave(): void {
    this.gone = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

/** Somebody who asks a gate for a seat: a default request of a tenant of its own, unless said otherwise. */
export function asking(
  cls: PriorityClass = "default",
  facts: Partial<Pick<Asking, "tenant" | "cohort" | "deadline">> = {},
): Asking & { readonly departure: Client } {
  return {
    class: cls,
    tenant: "tenant",
    cohort: 0,
    deadline: Number.POSITIVE_INFINITY,
    route: { name: "route", dependency: "dependency" },
    ...facts,
    departure: new Client(),
  };
}

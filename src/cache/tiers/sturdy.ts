import type { Clock } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import { deleteMany, getMany, setMany } from "./batch.ts";
import type { NamedTier } from "./tiers.ts";

type OnFault = (where: string, error: Error) => void;

/** Milliseconds between two faults of one tier that are told; those between are counted in the next. */
const APART = 1000;

/**
 * A tier whose faults, thrown or rejected, are misses: told to `onFault`, and never a request's. Not the guard of a remote
 * tier, which has a deadline.
 */
export function sturdy({ name, tier }: NamedTier, clock: Clock, onFault: OnFault): NamedTier {
  let untold = 0;
  let quietUntil = Number.NEGATIVE_INFINITY;
  const fault = (thrown: unknown): undefined => {
    untold++;
    const now = clock.now();
    if (now < quietUntil) return undefined;
    quietUntil = now + APART;
    const error = toError(thrown);
    const more = untold > 1 ? ` (and ${untold - 1} more since it was last told)` : "";
    onFault(`cache tier ${name}`, new Error(`${error.message}${more}`, { cause: error }));
    untold = 0;
    return undefined;
  };
  const attempt = (act: () => void | Promise<void>): void | Promise<void> => {
    try {
      const done = act();
      return done instanceof Promise ? done.catch(fault) : done;
    } catch (thrown) {
      return fault(thrown);
    }
  };
  return {
    name,
    tier: {
      get(key, variantOf) {
        try {
          const found = tier.get(key, variantOf);
          return found instanceof Promise ? found.catch(fault) : found;
        } catch (thrown) {
          return fault(thrown);
        }
      },
      ...(tier.variants && { variants: (key: string) => tier.variants!(key) }),
      set: (key, entry) => attempt(() => tier.set(key, entry)),
      delete: (key) => attempt(() => tier.delete(key)),
      getMany: (keys) => getMany(tier, keys).catch((thrown: unknown) => fault(thrown) ?? []),
      setMany: async (entries) => attempt(() => setMany(tier, entries)),
      deleteMany: async (keys) => attempt(() => deleteMany(tier, keys)),
      clear: () => attempt(() => tier.clear()),
      close: () => attempt(() => tier.close()),
    },
  };
}

import { UsageError } from "../../core/errors.ts";
import { joinParts } from "../key.ts";
import type { Scope } from "../tiers/open.ts";

const LONGEST_KEY = 8192;

/** Names of the keys of one cache. */
export interface Naming {
  /** Under which tiers keep it. Throws a {@link UsageError} for what can be no key. */
  id(key: string): string;
  /** What purges by key and prefix look at. */
  url(key: string): string;
}

export function createNaming(prefix: string): Naming {
  const { keys } = scopeOf(prefix);
  return {
    id(key) {
      if (typeof key !== "string") throw new UsageError(`a key is a text, not ${typeof key}`);
      if (key.length <= LONGEST_KEY && key.isWellFormed()) return keys + joinParts([key]);
      throw new UsageError(`a key is well-formed Unicode of at most ${LONGEST_KEY} characters: hash what is longer`);
    },
    url: (key) => `cache://${prefix}/${key}`,
  };
}

/** What a cache of this prefix keeps, among all that share its tiers. */
export const scopeOf = (prefix: string): Scope => ({
  name: `library:${prefix}`,
  keys: joinParts(["library", prefix]),
});

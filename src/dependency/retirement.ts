import type { HttpDependency } from "./port.ts";

type Dependencies = ReadonlyMap<string, HttpDependency>;

/** Dependencies that are no longer used and whose last answers still flow. */
export interface Retirement {
  /** Those of `gone` that `kept` has not taken over finish what they have, then close. */
  retireAllBut(kept: Dependencies, gone: Dependencies): void;
  /** Cuts what still flows. */
  destroy(): Promise<void>;
}

export function createRetirement(): Retirement {
  const retiring = new Set<HttpDependency>();
  return {
    retireAllBut(kept, gone) {
      for (const [name, dependency] of gone) {
        if (kept.get(name) === dependency) continue;
        retiring.add(dependency);
        void dependency.close().finally(() => retiring.delete(dependency));
      }
    },
    async destroy() {
      await Promise.all([...retiring].map((dependency) => dependency.destroy()));
    },
  };
}

/** The value of every label whose own value is unknown, malformed or one too many. */
export const OTHER = "_other";

const safe = /^[A-Za-z0-9_.:-]{1,64}$/;

/**
 * Counts by one open label. The first `most` values get a series each, all further ones share {@link OTHER}: whatever
 * is fed in, memory and series stay bounded.
 */
export interface Tally {
  add(value: string, amount?: number): void;
  entries(): Iterable<readonly [value: string, count: number]>;
}

export function createTally(most: number): Tally {
  const counts = new Map<string, number>();
  return {
    add(value, amount = 1) {
      const before = counts.get(value);
      if (before !== undefined) {
        counts.set(value, before + amount);
      } else {
        const label = counts.size < most && safe.test(value) ? value : OTHER;
        counts.set(label, (counts.get(label) ?? 0) + amount);
      }
    },
    entries: () => counts.entries(),
  };
}

/** A {@link Tally} by two labels: `most` values of the first, `mostInner` of the second under each. */
export interface PairTally {
  add(first: string, second: string): void;
  entries(): Iterable<readonly [first: string, second: string, count: number]>;
}

export function createPairTally(most: number, mostInner: number): PairTally {
  const rows = new Map<string, Tally>();
  return {
    add(first, second) {
      let row = rows.get(first);
      if (!row) {
        const label = rows.size < most && safe.test(first) ? first : OTHER;
        row = rows.get(label) ?? createTally(mostInner);
        rows.set(label, row);
      }
      row.add(second);
    },
    *entries() {
      for (const [first, row] of rows) for (const [second, count] of row.entries()) yield [first, second, count];
    },
  };
}

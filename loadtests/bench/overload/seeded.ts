/** Chance that is the same from run to run, so that every peer meets the same arrivals. */
export type Chance = () => number;

/** Uniform in [0, 1): a Weyl sequence through a mixing function (splitmix32). */
export function seeded(seed: number): Chance {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Time to the next of events that happen `rate` times a second on average, in milliseconds. */
export const exponential = (rate: number, chance: Chance): number => (-Math.log(1 - chance()) / rate) * 1000;

/** Standard normal (Box and Muller). */
export const normal = (chance: Chance): number =>
  Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());

/** An index, as often as its weight says. */
export function weighted(weights: readonly number[], chance: Chance): number {
  let left = chance() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1;
}

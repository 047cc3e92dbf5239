/** Points of the heaviest name, and of all names together. */
const MOST_POINTS = 256;
const MOST_IN_ALL = 2 ** 17;

/** The smallest power of two that is not below `value`. */
const roundedUp = (value: number): number => 2 ** Math.ceil(Math.log2(value));

/** 32 bits of a text: FNV-1a with the finish of MurmurHash3. Everywhere the same, so that all processes agree. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Consistent hashing (Karger et al. 1997): names have points on a ring in proportion to their weights, a key belongs to
 * the name of the next point. A name that comes or goes moves only the keys that it gets or had: the points of a name
 * do not depend on the others, but for powers of two.
 */
export class Ring {
  readonly #hashes: Uint32Array;
  readonly #places: Uint16Array;

  /** Weights above 0 only have points. */
  constructor(names: readonly { readonly name: string; readonly weight: number }[]) {
    const heaviest = Math.max(...names.map(({ weight }) => weight));
    const most = Math.min(MOST_POINTS, MOST_IN_ALL / roundedUp(names.length));
    const points: [hash: number, place: number][] = [];
    for (const [place, { name, weight }] of names.entries()) {
      if (weight === 0) continue;
      const count = Math.max(1, Math.round((most * weight) / roundedUp(heaviest)));
      for (let i = 0; i < count; i++) points.push([hash32(`${name} ${i}`), place]);
    }
    points.sort(([a, p], [b, q]) => a - b || p - q);
    this.#hashes = Uint32Array.from(points, ([hash]) => hash);
    this.#places = Uint16Array.from(points, ([, place]) => place);
  }

  /** The place of the first name from the key on that is accepted; undefined when none is. */
  find(key: string, accepts: (place: number) => boolean): number | undefined {
    const size = this.#hashes.length;
    const start = this.#next(hash32(key));
    let last = -1;
    for (let i = 0; i < size; i++) {
      const place = this.#places[(start + i) % size]!;
      if (place !== last && accepts(place)) return place;
      last = place;
    }
    return undefined;
  }

  #next(hash: number): number {
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

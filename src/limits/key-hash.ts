/**
 * 64 bits of a text under a secret, so that nobody can choose texts that meet in a table: HalfSipHash-1-3 (Aumasson and
 * Bernstein, SipHash, 2012, and its reference for 32-bit machines). Texts are read as UTF-16, two units a word.
 */
export class KeyHash {
  readonly #k0: number;
  readonly #k1: number;
  /** Of the text hashed last. */
  high = 0;
  low = 0;

  /** Two secret words of 32 bits. */
  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  of(text: string): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    const { length } = text;
    const pairs = length & ~1;
    // Blocks, then the last one with the length, then three rounds for each half of the result.
    for (let step = 0, at = 0; step < 7;) {
      let word = 0;
      if (at < pairs) {
        word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
        at += 2;
        v3 ^= word;
      } else if (step === 0) {
        word = (length << 24) ^ (length >>> 8) ^ (pairs < length ? text.charCodeAt(pairs) << 8 : 0);
        v3 ^= word;
        step = 1;
      } else {
        if (step === 1) v2 ^= 0xee;
        else if (step === 4) {
          this.low = (v1 ^ v3) >>> 0;
          v1 ^= 0xdd;
        }
        step++;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.high = (v1 ^ v3) >>> 0;
  }
}

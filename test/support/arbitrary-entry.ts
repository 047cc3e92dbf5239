import * as fc from "fast-check";
import type { Entry } from "../../src/cache/entry.ts";
import { readingOf } from "../../src/cache/rules/usability.ts";

const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
/** Any sequence of UTF-16 code units: no need to be well formed. */
const text = fc.oneof(
  octets,
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
);
const time = fc.oneof(
  fc.integer({ min: 0, max: 4e12 }),
  fc.double({ min: 0, max: 4e12, noNaN: true }).map((value) => value + 0),
);
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const PLAIN = { noNullPrototype: true };

/** Any entry at all, with bodies of up to `longest` octets. */
export const arbitraryEntry = (longest = 4096): fc.Arbitrary<Entry> =>
  fc
    .record(
      {
        head: fc.record(
          {
            status: fc.integer({ min: 100, max: 599 }),
            headers: fc.array(fc.tuple(octets, octets), { maxLength: 20 }).map((pairs) => pairs.flat()),
            initialAge: time,
            receivedAt: time,
          },
          PLAIN,
        ),
        vary: octets,
        variant: text,
        body: fc.uint8Array({ maxLength: longest }).map((octets) => Buffer.from(octets)),
        url: text,
        tags: fc.array(text, { maxLength: 70 }),
        position: count,
        origin: count,
        fence: count,
        buildMs: time,
        keepUntil: fc.oneof(time, fc.constant(Number.POSITIVE_INFINITY)),
      },
      PLAIN,
    )
    .map((facts) => ({ ...facts, reading: readingOf(facts.head) }));

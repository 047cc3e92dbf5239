/**
 * An entry as octets, the same for every tier that keeps octets. All numbers are big-endian, so that non-negative ones
 * compare as their octets do.
 *
 * | at | octets | what |
 * |---:|---:|---|
 * | 0 | 2 | `SW` |
 * | 2 | 1 | version |
 * | 3 | 1 | flags, all reserved: zero |
 * | 4 | 4 | octets of the body, unsigned |
 * | 8 | 8 | fence, IEEE 754 double |
 * | 16 | 8 | keepUntil, double |
 * | 24 | 8 | position, double |
 * | 32 | 16 | initialAge and receivedAt, doubles |
 * | 48 | 8 | buildMs, double |
 * | 56 | 8 | origin, double |
 * | 64 | 2 | status |
 * | 66 | | vary, variant, url; count and texts of the tags; count and texts of the header list; the body |
 *
 * Counts and lengths among the texts are LEB128. A text is its length in characters, doubled, plus one when it is UTF-16
 * (little-endian) instead of ISO 8859-1; then its characters. The body is copied, never looked into.
 */
import type { Entry } from "../entry.ts";
import { readingOf } from "../rules/usability.ts";

/** Raised with any change of the layout: what another version wrote is a miss. */
export const FRAME_VERSION = 2;
/** Where the version stands, from 0. */
export const VERSION_AT = 2;
/** Where the fence stands, from 0: who keeps frames may compare the 8 octets without reading the rest. */
export const FENCE_AT = 8;
/** Where `keepUntil` stands, from 0, in 8 octets. */
export const KEEP_UNTIL_AT = 16;

const MAGIC = 0x5357;
const FLAGS_AT = 3;
const BODY_LENGTH_AT = 4;
const POSITION_AT = 24;
const INITIAL_AGE_AT = 32;
const RECEIVED_AT = 40;
const BUILD_AT = 48;
const ORIGIN_AT = 56;
const STATUS_AT = 64;
const TEXTS_AT = 66;

/** Why octets are no frame of ours. */
export type NotAFrame = "corrupt" | "version";

/** The frame of an entry in one allocation of exactly its length, `room` free octets behind it included. */
export function encodeFrame(entry: Entry, room = 0): Buffer {
  const { head, body, tags } = entry;
  const length = TEXTS_AT + textsLength(entry) + body.length;
  const frame = Buffer.allocUnsafeSlow(length + room);
  frame.writeUInt16BE(MAGIC, 0);
  frame[VERSION_AT] = FRAME_VERSION;
  frame[FLAGS_AT] = 0;
  frame.writeUInt32BE(body.length, BODY_LENGTH_AT);
  frame.writeDoubleBE(entry.fence, FENCE_AT);
  frame.writeDoubleBE(entry.keepUntil, KEEP_UNTIL_AT);
  frame.writeDoubleBE(entry.position, POSITION_AT);
  frame.writeDoubleBE(head.initialAge, INITIAL_AGE_AT);
  frame.writeDoubleBE(head.receivedAt, RECEIVED_AT);
  frame.writeDoubleBE(entry.buildMs, BUILD_AT);
  frame.writeDoubleBE(entry.origin, ORIGIN_AT);
  frame.writeUInt16BE(head.status, STATUS_AT);
  let at = TEXTS_AT;
  for (const text of [entry.vary, entry.variant, entry.url]) at = writeText(frame, at, text);
  for (const list of [tags, head.headers]) {
    at = writeCount(frame, at, list.length);
    for (const text of list) at = writeText(frame, at, text);
  }
  body.copy(frame, at);
  return frame;
}

/**
 * The entry of a frame. Never throws, and makes nothing that the octets do not hold. The body shares the memory of
 * `bytes` where that is little more than the body.
 */
export function decodeFrame(bytes: Buffer): Entry | NotAFrame {
  const other = notAFrame(bytes);
  if (other) return other;
  const reader = new Reader(bytes, TEXTS_AT);
  const vary = reader.text();
  const variant = reader.text();
  const url = reader.text();
  const tags = reader.texts();
  const headers = reader.texts();
  if (!reader.intact || bytes.length - reader.at !== bytes.readUInt32BE(BODY_LENGTH_AT)) return "corrupt";
  const times = { initialAge: bytes.readDoubleBE(INITIAL_AGE_AT), receivedAt: bytes.readDoubleBE(RECEIVED_AT) };
  const head = { status: bytes.readUInt16BE(STATUS_AT), headers, ...times };
  const entry: Entry = {
    head,
    reading: readingOf(head),
    vary,
    variant,
    body: ownBody(bytes, reader.at),
    url,
    tags,
    position: bytes.readDoubleBE(POSITION_AT),
    origin: bytes.readDoubleBE(ORIGIN_AT),
    fence: bytes.readDoubleBE(FENCE_AT),
    buildMs: bytes.readDoubleBE(BUILD_AT),
    keepUntil: bytes.readDoubleBE(KEEP_UNTIL_AT),
  };
  const { position, origin, fence, buildMs, keepUntil } = entry;
  const sum = position + origin + fence + buildMs + keepUntil + times.initialAge + times.receivedAt;
  return headers.length % 2 === 0 && !Number.isNaN(sum) ? entry : "corrupt";
}

/** What can be told of octets by their first ones: undefined when they may be a frame of this version. */
export function notAFrame(bytes: Buffer): NotAFrame | undefined {
  if (bytes.length < TEXTS_AT || bytes.readUInt16BE(0) !== MAGIC) return "corrupt";
  if (bytes[VERSION_AT] !== FRAME_VERSION) return "version";
  return bytes[FLAGS_AT] === 0 ? undefined : "corrupt";
}

/** The octets from `at` on, in memory that holds at most a sixteenth more than them. */
function ownBody(bytes: Buffer, at: number): Buffer {
  const body = bytes.subarray(at);
  if (body.buffer.byteLength - body.length <= body.length >> 4) return body;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}

const isWide = (text: string): boolean => /[\u0100-\uffff]/.test(text);

/** Counts above it do not come up: a text of a gigabyte. Keeps what is read below 2^32. */
const MOST = 2 ** 31;

function textsLength({ vary, variant, url, tags, head }: Entry): number {
  let sum = textLength(vary) + textLength(variant) + textLength(url);
  for (const list of [tags, head.headers]) {
    sum += countLength(list.length);
    for (const text of list) sum += textLength(text);
  }
  return sum;
}

function textLength(text: string): number {
  const wide = isWide(text) ? 1 : 0;
  return countLength(text.length * 2 + wide) + (text.length << wide);
}

function countLength(count: number): number {
  let octets = 1;
  for (let rest = count >>> 7; rest > 0; rest >>>= 7) octets++;
  return octets;
}

function writeCount(frame: Buffer, start: number, count: number): number {
  let at = start;
  let rest = count;
  for (; rest > 0x7f; rest >>>= 7) frame[at++] = (rest & 0x7f) | 0x80;
  frame[at++] = rest;
  return at;
}

function writeText(frame: Buffer, start: number, text: string): number {
  const wide = isWide(text);
  const at = writeCount(frame, start, text.length * 2 + (wide ? 1 : 0));
  return at + frame.write(text, at, wide ? "utf16le" : "latin1");
}

/** Reads on as long as what it reads is there; afterwards all it gives is empty. */
class Reader {
  readonly #bytes: Buffer;
  at: number;
  intact = true;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  texts(): string[] {
    const count = this.#count();
    const texts: string[] = [];
    for (let i = 0; i < count && this.intact; i++) texts.push(this.text());
    return texts;
  }

  text(): string {
    const count = this.#count();
    const wide = count & 1;
    const end = this.at + (count >>> 1) * (wide + 1);
    if (end > this.#bytes.length) this.intact = false;
    if (!this.intact) return "";
    const text = this.#bytes.toString(wide ? "utf16le" : "latin1", this.at, end);
    this.at = end;
    return text;
  }

  #count(): number {
    let count = 0;
    for (let scale = 1; this.intact && scale < MOST; scale *= 128) {
      const octet = this.#bytes[this.at++];
      if (octet === undefined) break;
      count += (octet & 0x7f) * scale;
      if (octet < 0x80 && count < MOST) return count;
    }
    this.intact = false;
    return 0;
  }
}

/**
 * Values as the octets that tiers keep. Plain data is JSON, because nothing written in JavaScript reads it back as fast;
 * what JSON has no word for is escaped in it, and octets lie beside it as they are. Not `v8.serialize`: an older Node
 * does not read what a newer one wrote, and octets from outside would go into a parser of the engine's own.
 *
 * The first octet says what follows: {@link KIND}. What a value may be: plain objects and arrays of null, undefined,
 * booleans, numbers, texts, BigInt, Date, Map, Set, Buffer and Uint8Array, up to {@link DEEPEST} levels deep. Each comes
 * back as a copy of its own. Left out: what is named by a symbol, and which two places held the same object.
 */
import { UsageError } from "../../core/errors.ts";

const KIND = {
  buffer: 0,
  octets: 1,
  /** UTF-8. */
  text: 2,
  json: 3,
  /** Octets of the JSON as an unsigned number of 32 bits, the JSON, all octets that its escapes speak of. */
  escaped: 4,
} as const;

/** Levels of objects and arrays within each other; more, or a circle, is refused. */
const DEEPEST = 256;

/** An object of this one key is no object but what JSON has no word for. `o`: an object that has the key `$` itself. */
type Escape =
  | { readonly $: "u" }
  | { readonly $: "n" | "i"; readonly v: string }
  | { readonly $: "d"; readonly v: number | null }
  | { readonly $: "m" | "s"; readonly v: readonly unknown[] }
  | { readonly $: "b" | "a"; readonly v: readonly [at: number, length: number] }
  | { readonly $: "o" | "p"; readonly v: object };

/** Throws a {@link UsageError} that names the place of what cannot be kept. */
export function encodeValue(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return tagged(KIND.buffer, value);
  if (isOctets(value)) return tagged(KIND.octets, value);
  if (typeof value === "string" && value.isWellFormed()) return tagged(KIND.text, Buffer.from(value));
  const writing: Writing = { trail: [], octets: [], length: 0, escaped: false };
  const json = Buffer.from(JSON.stringify(lower(value, writing)));
  if (!writing.escaped) return tagged(KIND.json, json);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(json.length);
  return tagged(KIND.escaped, head, json, ...writing.octets);
}

/** The JSON that is all there is to a value; undefined: there is more, or another thing. */
export const jsonOf = (bytes: Buffer): string | undefined =>
  bytes[0] === KIND.json ? bytes.toString("utf8", 1) : undefined;

/** What {@link encodeValue} was given. Throws whatever when the octets are not its work. */
export function decodeValue(bytes: Buffer): unknown {
  const kind = bytes[0];
  const rest = bytes.subarray(1);
  if (kind === KIND.buffer) return Buffer.from(rest);
  if (kind === KIND.octets) return new Uint8Array(rest);
  if (kind === KIND.text) return rest.toString();
  if (kind === KIND.json) return JSON.parse(rest.toString());
  if (kind !== KIND.escaped) throw new Error(`kept values have no kind ${kind}`);
  const end = 4 + rest.readUInt32BE(0);
  return raise(JSON.parse(rest.toString("utf8", 4, end)), rest.subarray(end), 0);
}

function tagged(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + part.length, 1));
  bytes[0] = kind;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

interface Writing {
  /** Where in the value we are. */
  readonly trail: (string | number)[];
  readonly octets: Uint8Array[];
  length: number;
  escaped: boolean;
}

/** The value itself where JSON gives it back as it is, otherwise a copy with escapes in it. */
function lower(value: unknown, writing: Writing): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)) return value;
  if (typeof value !== "object") return escape(scalar(value, writing), writing);
  if (writing.trail.length >= DEEPEST) throw refusal(writing, `nested deeper than ${DEEPEST} levels, or in a circle`);
  if (Array.isArray(value)) return lowerArray(value, writing);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) {
    const lowered = lowerObject(value, writing);
    return Object.hasOwn(value, "$") ? escape({ $: "o", v: lowered }, writing) : lowered;
  }
  if (prototype === null) return escape({ $: "p", v: lowerObject(value, writing) }, writing);
  return escape(instance(value, writing), writing);
}

function escape(word: Escape, writing: Writing): Escape {
  writing.escaped = true;
  return word;
}

function scalar(value: unknown, writing: Writing): Escape {
  if (value === undefined) return { $: "u" };
  if (typeof value === "bigint") return { $: "i", v: String(value) };
  if (typeof value === "number") return { $: "n", v: Object.is(value, -0) ? "-0" : String(value) };
  throw refusal(writing, `a ${typeof value}`);
}

function instance(value: object, writing: Writing): Escape {
  if (value instanceof Date) return { $: "d", v: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof Map) return { $: "m", v: lowerArray(Array.from(value).flat(), writing) };
  if (value instanceof Set) return { $: "s", v: lowerArray([...value], writing) };
  if (!isOctets(value)) throw refusal(writing, `an instance of ${value.constructor?.name || "a class"}`);
  const at = writing.length;
  writing.octets.push(value);
  writing.length += value.length;
  return { $: Buffer.isBuffer(value) ? "b" : "a", v: [at, value.length] };
}

/** A Uint8Array as such: of a class of its own it would come back as another. */
const isOctets = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && (value.constructor === Uint8Array || Buffer.isBuffer(value));

function lowerArray(list: readonly unknown[], writing: Writing): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    writing.trail.push(i);
    if (list[i] === undefined && !(i in list)) throw refusal(writing, "a hole in an array");
    const lowered = lower(list[i], writing);
    writing.trail.pop();
    if (lowered !== list[i]) (copy ??= [...list])[i] = lowered;
  }
  return copy ?? list;
}

function lowerObject(object: object, writing: Writing): object {
  let copy: [string, unknown][] | undefined;
  const entries = Object.entries(object);
  for (let i = 0; i < entries.length; i++) {
    const [key, value] = entries[i]!;
    writing.trail.push(key);
    const lowered = lower(value, writing);
    writing.trail.pop();
    if (lowered !== value) (copy ??= [...entries])[i] = [key, lowered];
  }
  return copy ? Object.fromEntries(copy) : object;
}

function refusal({ trail }: Writing, what: string): UsageError {
  const place = trail
    .slice(0, 8)
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("");
  return new UsageError(
    `the value${place ? ` at ${place}` : ""} cannot be kept: it is ${what}. Keep plain objects, arrays, texts, numbers, BigInt, Date, Map, Set, Buffer and Uint8Array`,
  );
}

function raise(value: unknown, octets: Buffer, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  // Twice as deep as what was lowered, because an escape is a level of its own.
  if (depth > 2 * DEEPEST) throw new Error("nested deeper than what is kept");
  if (Array.isArray(value)) return value.map((member) => raise(member, octets, depth + 1));
  if (Object.hasOwn(value, "$")) return unescape(value as Escape, octets, depth);
  return raiseObject(value, {}, octets, depth);
}

function raiseObject(value: object, into: object, octets: Buffer, depth: number): object {
  for (const [key, inner] of Object.entries(value)) {
    const raised = raise(inner, octets, depth + 1);
    // As an assignment `__proto__` would not be a key.
    Object.defineProperty(into, key, { value: raised, enumerable: true, writable: true, configurable: true });
  }
  return into;
}

function unescape(word: Escape, octets: Buffer, depth: number): unknown {
  switch (word.$) {
    case "u":
      return undefined;
    case "n":
      return Number(word.v);
    case "i":
      return BigInt(word.v);
    case "d":
      return new Date(word.v ?? Number.NaN);
    case "s":
      return new Set(raise(word.v, octets, depth) as unknown[]);
    case "m": {
      const flat = raise(word.v, octets, depth) as unknown[];
      const pairs = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as const);
      return new Map(pairs);
    }
    case "b":
      return Buffer.from(octets.subarray(word.v[0], word.v[0] + word.v[1]));
    case "a":
      return new Uint8Array(octets.subarray(word.v[0], word.v[0] + word.v[1]));
    case "o":
      return raiseObject(word.v, {}, octets, depth);
    case "p":
      return raiseObject(word.v, Object.create(null) as object, octets, depth);
    default:
      throw new Error("kept values have no such escape");
  }
}

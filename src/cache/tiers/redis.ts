import { hash } from "node:crypto";
import type { Cancel, Clock } from "../../core/clock.ts";
import type { RedisLink } from "../../core/redis.ts";
import type { Entry } from "../entry.ts";
import { GET_ENTRY, SET_ENTRY, SUPERSEDE_ENTRY } from "./redis-scripts.ts";
import type { FrameCodec } from "./seal.ts";
import { MOST_VARIANTS, type Tier, type VariantOf } from "./tier.ts";

export interface RedisTierParts {
  readonly clock: Clock;
  readonly codec: FrameCodec;
  readonly reading: RedisLink;
  /** On its own, so that no look waits behind a large value. */
  readonly writing: RedisLink;
  /** Begins every key. */
  readonly prefix: string;
  /** Octets of a frame; longer ones are neither written nor read. */
  readonly longest: number;
  /** A text that no other instance has made. */
  readonly unique: () => string;
}

/** Milliseconds after which the generation is looked up anew: so long another instance's `clear` may go unheard. */
const GENERATION_EVERY = 2000;
/** Milliseconds; what is to be kept for longer is written anew in time. */
const LONGEST_LIFE = 400 * 86_400_000;
/** Records of which the uses of variants are remembered until the next write; of more they are forgotten. */
const MOST_USED = 1000;

/**
 * The tier in Redis. A look is one round trip, of a key with Vary at most two. All keys hold a generation: `clear`
 * changes that and leaves the old ones to expire. It rejects when Redis is away, slow or says no: guard it.
 */
export function createRedisTier(parts: RedisTierParts): Tier {
  const kept = new RedisTier(parts);
  return {
    get: (key, variantOf) => kept.get(key, variantOf),
    set: (key, entry) => kept.set(key, entry),
    delete: (key) => kept.delete(key),
    // Each of them is sent before the first is answered: one round trip.
    getMany: (keys) => Promise.all(keys.map((key) => kept.get(key, () => "", parts.writing))),
    setMany: async (entries) => void (await Promise.all(entries.map(([key, entry]) => kept.set(key, entry)))),
    deleteMany: async (keys) => void (await Promise.all(keys.map((key) => kept.delete(key)))),
    clear: () => kept.clear(),
    close: () => kept.close(),
  };
}

class RedisTier {
  readonly #parts: RedisTierParts;
  /** When it was looked up last, in monotonic milliseconds. */
  #generation: { readonly name: string; at: number } | undefined;
  #looking: Promise<string> | undefined;
  /** By record: ids of variants that were read since the last write, the last one first. */
  readonly #used = new Map<string, readonly string[]>();

  readonly #stop: Cancel;

  constructor(parts: RedisTierParts) {
    this.#parts = parts;
    // So that the first look is one round trip like any other.
    this.#stop = parts.reading.onState((state) => {
      if (state === "up") this.#prepare().catch(() => {});
    });
  }

  /** `link`: for one of many the one that may take longer. */
  async get(key: string, variantOf: VariantOf, link = this.#parts.reading): Promise<Entry | undefined> {
    const record = await this.#record(key);
    const [plain, index] = await this.#read(link, record, "");
    const row = rowsOf(index).find(([id, vary]) => {
      const variant = variantOf(vary);
      return variant !== undefined && variantId(vary, variant) === id;
    });
    if (!row) return undefined;
    const frame = row[0] === "" ? plain : (await this.#read(link, record, row[0]))[0];
    if (!frame) return undefined;
    const entry = this.#parts.codec.decode(key, frame);
    // What stands in the frame counts: anybody with a password could have put it under another id.
    if (!entry || variantOf(entry.vary) !== entry.variant || entry.keepUntil <= this.#parts.clock.wall())
      return undefined;
    if (row[0] !== "") this.#use(record, row[0]);
    return entry;
  }

  async set(key: string, entry: Entry): Promise<void> {
    const { codec, writing, clock, longest } = this.#parts;
    const { vary, variant, fence, keepUntil } = entry;
    const id = variantId(vary, variant);
    const record = await this.#record(key);
    const frame = codec.encode(key, entry);
    const now = clock.wall();
    if (frame.length > longest || keepUntil <= now) {
      await writing.script(SUPERSEDE_ENTRY, [record], [id, fence]);
      return;
    }
    const until = Math.min(Math.ceil(keepUntil), Math.ceil(now) + LONGEST_LIFE);
    const used = this.#used.get(record) ?? [];
    this.#used.delete(record);
    const facts = [now, MOST_VARIANTS, JSON.stringify(used)];
    await writing.script(SET_ENTRY, [record], [id, vary, fence, until, frame, ...facts]);
  }

  async delete(key: string): Promise<void> {
    await this.#parts.writing.call("UNLINK", await this.#record(key));
  }

  async clear(): Promise<void> {
    const { writing, clock } = this.#parts;
    const name = this.#another();
    await writing.call("SET", this.#generationKey, name);
    this.#generation = { name, at: clock.now() };
  }

  async close(): Promise<void> {
    this.#stop();
    await Promise.all([this.#parts.reading.close(), this.#parts.writing.close()]);
  }

  async #prepare(): Promise<void> {
    await this.#lookUp();
    await this.#read(this.#parts.reading, `${this.#parts.prefix}:cache:none`, "");
  }

  #use(record: string, id: string): void {
    const before = this.#used.get(record);
    if (before?.[0] === id || (!before && this.#used.size >= MOST_USED)) return;
    this.#used.set(record, [id, ...(before ?? []).filter((other) => other !== id).slice(0, MOST_VARIANTS - 1)]);
  }

  async #read(
    link: RedisLink,
    record: string,
    id: string,
  ): Promise<readonly [frame: Buffer | undefined, index: Buffer | undefined]> {
    const reply = await link.script(GET_ENTRY, [record], [id, this.#parts.longest]);
    const [frame, index] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    return [Buffer.isBuffer(frame) ? frame : undefined, Buffer.isBuffer(index) ? index : undefined];
  }

  /** Of one length, whatever clients put into a key: they choose neither its slot nor its size. */
  #record(key: string): string | Promise<string> {
    const { prefix, clock } = this.#parts;
    const nameIn = (generation: string): string =>
      `${prefix}:cache:${generation}:${hash("sha256", key, "base64url").slice(0, 32)}`;
    const known = this.#generation;
    if (!known) return this.#lookUp().then(nameIn);
    if (clock.now() - known.at >= GENERATION_EVERY) {
      known.at = clock.now();
      this.#lookUp().catch(() => {});
    }
    return nameIn(known.name);
  }

  get #generationKey(): string {
    return `${this.#parts.prefix}:cache:generation`;
  }

  #lookUp(): Promise<string> {
    return (this.#looking ??= this.#findGeneration().finally(() => void (this.#looking = undefined)));
  }

  /** One that was never there before takes the place of one that is lost: what it had cleared must not come back. */
  async #findGeneration(): Promise<string> {
    const { reading, clock } = this.#parts;
    const look = async (): Promise<string | undefined> => {
      const reply = await reading.call("GET", this.#generationKey);
      return Buffer.isBuffer(reply) && /^[\w-]{1,64}$/.test(String(reply)) ? String(reply) : undefined;
    };
    let name = await look();
    if (name === undefined) {
      const made = this.#another();
      await reading.call("SET", this.#generationKey, made, "NX");
      name = (await look()) ?? made;
    }
    this.#generation = { name, at: clock.now() };
    return name;
  }

  #another(): string {
    return `${Math.floor(this.#parts.clock.wall()).toString(36)}-${this.#parts.unique()}`;
  }
}

/** "" without Vary. The length goes first, so that no character of a Vary can be taken for one of a variant. */
const variantId = (vary: string, variant: string): string =>
  vary === "" && variant === "" ? "" : hash("sha256", `${vary.length}:${vary}${variant}`, "base64url").slice(0, 22);

type Row = readonly [id: string, vary: string];

/** Nothing for what is not a list of variants. */
function rowsOf(index: Buffer | undefined): readonly Row[] {
  if (!index) return [];
  try {
    const rows: unknown = JSON.parse(String(index));
    return Array.isArray(rows) ? rows.filter(isRow) : [];
  } catch {
    return [];
  }
}

const isRow = (row: unknown): row is Row =>
  Array.isArray(row) && typeof row[0] === "string" && typeof row[1] === "string";

import { hash } from "node:crypto";
import { Attempts } from "../../core/attempts.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import type { Entry } from "../entry.ts";
import { Pool, type Statement } from "../postgres/pool.ts";
import type { PostgresSettings } from "../postgres/settings.ts";
import { tableStatements, type TableStatements } from "../postgres/table.ts";
import { Upkeep } from "../postgres/upkeep.ts";
import type { Keyed } from "./batch.ts";
import type { FrameCodec } from "./seal.ts";
import { TierError, type Tier, type VariantOf } from "./tier.ts";

export interface PostgresParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: FrameCodec;
  /** There is a connection again, or for the first time. Default: nobody is told. */
  readonly connected?: () => void;
  /** The table could not be kept in order: bounded, see upkeep.ts. Default: nobody is told. */
  readonly upkeepFailed?: (error: Error) => void;
  /** Begins the keys that `clear` is about. Default: it is about all. */
  readonly within?: string | undefined;
}

/** Octets; what is longer is not kept, whatever `maxBytes` says: a reply is text of twice the length. */
const MOST_FRAME = 64 * 1024 * 1024;
/** Octets of a key that an index takes; a longer one is hashed. */
const MOST_KEY = 1024;
/** Milliseconds since the epoch; the last instant of Node, which PostgreSQL knows too. */
const LAST_INSTANT = 8.64e15;
/** The server ends a request's statement after so many deadlines, and after 200 ms at the least. */
const DEADLINES = 10;
/** Milliseconds for a statement of the upkeep. */
const UPKEEP_TIMEOUT = 15_000;
/** Uses that are remembered until they are written down; more are forgotten, which costs an entry its place. */
const MOST_USES = 10_000;

/**
 * The tier in a table of PostgreSQL: unlogged, so a crash of the server empties it. It rejects when the server is away,
 * slow or says no; what asks it has to be guarded. A table that is missing is made.
 */
export function createPostgresTier(settings: PostgresSettings, parts: PostgresParts): Tier {
  const kept = new PostgresTier(settings, parts);
  return {
    get: (key, variantOf) => kept.get(key, variantOf),
    set: (key, entry) => kept.set(key, entry),
    delete: (key) => kept.delete(key),
    getMany: (keys) => kept.getMany(keys),
    setMany: (entries) => kept.setMany(entries),
    deleteMany: (keys) => kept.deleteMany(keys),
    clear: () => kept.clear(),
    close: () => kept.close(),
  };
}

class PostgresTier {
  readonly #clock: Clock;
  readonly #codec: FrameCodec;
  readonly #mostFrame: number;
  readonly #statements: TableStatements;
  readonly #within: string | undefined;
  readonly #pool: Pool;
  readonly #slowPool: Pool;
  readonly #upkeep: Upkeep;
  /** Rows that were read and not marked so yet. */
  readonly #uses = new Map<string, readonly [key: Buffer, digest: Buffer]>();
  #creation: Promise<void> | undefined;

  constructor(settings: PostgresSettings, parts: PostgresParts) {
    const { clock, random, codec, upkeepFailed = () => {}, within } = parts;
    const { url, maxConnections: most, deadline, maxBytes, table, schema } = settings;
    this.#clock = clock;
    this.#codec = codec;
    this.#mostFrame = Math.min(maxBytes, MOST_FRAME);
    this.#statements = tableStatements(table, schema);
    this.#within = within;
    const statementTimeout = Math.max(200, DEADLINES * deadline);
    const connected = (): void => {
      parts.connected?.();
      void this.#upkeep.run();
    };
    const attempts = new Attempts(clock, random);
    this.#pool = new Pool({ clock, attempts, url, most, statementTimeout, connected });
    this.#slowPool = new Pool({ clock, attempts, url, most: 1, statementTimeout: UPKEEP_TIMEOUT });
    const before = async (): Promise<void> => {
      await this.#create();
      await this.#writeUses();
    };
    this.#upkeep = new Upkeep({
      clock,
      pool: this.#slowPool,
      statements: this.#statements,
      maxBytes,
      before,
      isUp: () => this.#pool.isUp,
      failed: upkeepFailed,
    });
  }

  async get(key: string, variantOf: VariantOf): Promise<Entry | undefined> {
    const at = keyOctets(key);
    const plain = variantOf("");
    const now = this.#clock.wall();
    const plainDigest = plain === undefined ? null : digestOf("", plain);
    const rows = await this.#run(this.#statements.find, [at, plainDigest, now]);
    if (rows.length === 0) return undefined;
    const [vary, frame] = rows[0] as [Buffer, Buffer | null];
    if (rows.length === 1 && vary.length === 0) return this.#take(key, at, plainDigest!, frame!, variantOf);
    const digests: Buffer[] = [];
    for (const [octets] of rows) {
      const named = String(octets);
      const wanted = variantOf(named);
      if (wanted !== undefined) digests.push(digestOf(named, wanted));
    }
    if (digests.length === 0) return undefined;
    const [picked] = await this.#run(this.#statements.pick, [at, digests, now]);
    return picked && this.#take(key, at, picked[0] as Buffer, picked[1] as Buffer, variantOf);
  }

  async set(key: string, entry: Entry): Promise<void> {
    const at = keyOctets(key);
    const { vary, variant, fence, keepUntil } = entry;
    const digest = digestOf(vary, variant);
    const now = this.#clock.wall();
    const frame = this.#codec.encode(key, entry);
    const size = frame.length + at.length + digest.length;
    if (size > this.#mostFrame || keepUntil <= now) {
      await this.#run(this.#statements.supersede, [at, digest, fence]);
      return;
    }
    // Which of the variants gives way is a matter of their uses.
    if (vary !== "") await this.#writeUses();
    const until = Math.min(keepUntil, LAST_INSTANT);
    await this.#run(this.#statements.put, [at, digest, Buffer.from(vary), fence, until, size, frame, now]);
    this.#upkeep.wrote(size);
  }

  async delete(key: string): Promise<void> {
    await this.#run(this.#statements.drop, [keyOctets(key)]);
  }

  async getMany(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const octets = keys.map(keyOctets);
    const rows = await this.#run(this.#statements.findMany, [octets, PLAIN_DIGEST, this.#clock.wall()]);
    const frames = new Map(rows.map(([key, frame]) => [(key as Buffer).toString("latin1"), frame as Buffer]));
    return keys.map((key, i) => {
      const frame = frames.get(octets[i]!.toString("latin1"));
      return frame && this.#take(key, octets[i]!, PLAIN_DIGEST, frame, () => "");
    });
  }

  async setMany(entries: readonly Keyed[]): Promise<void> {
    const now = this.#clock.wall();
    // Of two entries for a key the last one counts: one statement changes no row twice.
    const rows = [...new Map(entries)].map(([key, entry]) => {
      const octets = keyOctets(key);
      const frame = this.#codec.encode(key, entry);
      return { key, octets, entry, frame, size: frame.length + octets.length + PLAIN_DIGEST.length };
    });
    const fits = ({ size, entry }: (typeof rows)[number]): boolean => size <= this.#mostFrame && entry.keepUntil > now;
    const kept = rows.filter(fits);
    const others = rows.filter((row) => !fits(row));
    await Promise.all([
      kept.length > 0 &&
        this.#run(this.#statements.putMany, [
          kept.map(({ octets }) => octets),
          PLAIN_DIGEST,
          kept.map(({ entry }) => entry.fence),
          kept.map(({ entry }) => Math.min(entry.keepUntil, LAST_INSTANT)),
          kept.map(({ size }) => size),
          kept.map(({ frame }) => frame),
          now,
        ]),
      ...others.map(({ key, entry }) => this.set(key, entry)),
    ]);
    this.#upkeep.wrote(kept.reduce((sum, { size }) => sum + size, 0));
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    await this.#run(this.#statements.dropMany, [keys.map(keyOctets)]);
  }

  async clear(): Promise<void> {
    this.#uses.clear();
    await this.#create();
    const { clear, clearWithin } = this.#statements;
    const within = this.#within;
    await (within === undefined ? this.#slowPool.run(clear) : this.#slowPool.run(clearWithin, boundsOf(within)));
  }

  close(): void {
    this.#upkeep.close();
    this.#pool.close();
    this.#slowPool.close();
  }

  #take(key: string, at: Buffer, digest: Buffer, frame: Buffer, variantOf: VariantOf): Entry | undefined {
    const entry = this.#codec.decode(key, frame);
    // What stands in the frame counts: anybody with a password could have moved it to another row.
    if (!entry || variantOf(entry.vary) !== entry.variant) return undefined;
    if (this.#uses.size < MOST_USES) this.#uses.set(`${key} ${digest.toString("latin1")}`, [at, digest]);
    return entry;
  }

  async #writeUses(): Promise<void> {
    if (this.#uses.size === 0) return;
    const uses = [...this.#uses.values()];
    this.#uses.clear();
    await this.#run(this.#statements.touch, [uses.map(([key]) => key), uses.map(([, digest]) => digest)]);
  }

  /** Rejects with a {@link TierError}. */
  async #run(statement: Statement, values: unknown[]): Promise<readonly (readonly unknown[])[]> {
    try {
      return await this.#pool.run(statement, values);
    } catch (thrown) {
      if (!isMissing(thrown)) throw tierError(thrown);
    }
    try {
      await this.#create();
      return await this.#pool.run(statement, values);
    } catch (thrown) {
      throw tierError(thrown);
    }
  }

  /** One at a time. */
  #create(): Promise<void> {
    return (this.#creation ??= this.#createMissing().finally(() => void (this.#creation = undefined)));
  }

  async #createMissing(): Promise<void> {
    const { look, createSchema, create } = this.#statements;
    const [found] = await this.#slowPool.run(look);
    if (found?.[1] === false) await this.#slowPool.run(createSchema);
    if (found?.[0] === false) await this.#slowPool.run(create);
  }
}

const codeOf = (thrown: unknown): string => (thrown as { code?: string } | undefined)?.code ?? "";

/** Of an entry without Vary. */
const PLAIN_DIGEST = digestOf("", "");

/** 42P01: no such table; 3F000: no such schema. */
const isMissing = (thrown: unknown): boolean => ["42P01", "3F000"].includes(codeOf(thrown));

/**
 * By SQLSTATE (PostgreSQL, appendix A): 57014 is the statement timeout; classes 08, 28, 57 and 53300 say that there is no
 * connection to be had. Any other one is an answer to this statement; what has none came from the network.
 */
function tierError(thrown: unknown): TierError {
  const error = toError(thrown);
  const code = codeOf(thrown);
  if (code === "57014") return new TierError("timeout", error);
  const answered = /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|28|57|53300)/.test(code);
  return new TierError(answered ? "refused" : "down", error);
}

function keyOctets(key: string): Buffer {
  const octets = Buffer.from(key);
  return octets.length > MOST_KEY ? hash("sha256", octets, "buffer") : octets;
}

/** The least of what begins so, and what comes after all of it. */
function boundsOf(beginning: string): [Buffer, Buffer] {
  const least = Buffer.from(beginning);
  const beyond = Buffer.from(least);
  beyond[beyond.length - 1]! += 1;
  return [least, beyond];
}

/** The length goes first, so that no character of a Vary can be taken for one of a variant. */
function digestOf(vary: string, variant: string): Buffer {
  return hash("sha256", `${vary.length}:${vary}${variant}`, "buffer").subarray(0, 16);
}

import { z } from "zod";
import type { Cancel, Clock, Random } from "../core/clock.ts";
import type { RedisLink, RedisReply, RedisScript } from "../core/redis.ts";
import { lend, type Desk } from "./lending.ts";

/** What one process has and needs, by dependency. */
export type Desks = Readonly<Record<string, Desk>>;

export interface FleetSeatsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: RedisLink;
  /** Where in Redis the records stand. */
  readonly key: string;
  /** Of this process, the only one with it. */
  readonly id: string;
  readonly desks: () => Desks;
  /** Seats of other instances by dependency, negative where they are lent; a name left out has none. */
  readonly borrow: (lent: Readonly<Record<string, number>>) => void;
}

/** Milliseconds between two rounds, give or take a tenth. */
const ROUND = 1000;
/** Milliseconds after which a record counts for nothing, and after which nothing is borrowed without Redis. */
const FRESH = 3000;
/** Records that are read; of a larger fleet each process sees others of them. */
const MOST = 1000;
/** Octets of a record. */
const LONGEST = 65_536;

/** Writes one record and gives back all that are fresh: id, record, id, record. The time is that of Redis. */
const EXCHANGE: RedisScript = {
  name: "fleet-seats",
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
local all = redis.call('HGETALL', KEYS[1])
local found = {}
for i = 1, #all, 2 do
  local at, record = string.match(all[i + 1], '^(%d+) (.*)$')
  if at == nil or now - tonumber(at) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[i])
  elseif #found < 2 * tonumber(ARGV[4]) then
    found[#found + 1] = all[i]
    found[#found + 1] = record
  end
end
return found`,
};

const count = z.int().min(0);
const record = z.record(z.string(), z.strictObject({ own: count, wants: z.array(count).length(5) }));

/**
 * Seats that the instances of a fleet lend each other: one small record each in Redis, once a second and never on the way
 * of a request. All see the same records and come to the same shares; for as long as one of them has not read the last
 * ones, there can be as many seats too many as are lent. Without Redis for {@link FRESH} each has its own again.
 */
export class FleetSeats {
  readonly #parts: FleetSeatsParts;
  #next: Cancel;
  #heardAt: number;
  #members = 1;
  #closed = false;

  constructor(parts: FleetSeatsParts) {
    this.#parts = parts;
    this.#heardAt = parts.clock.now();
    this.#next = this.#soon(parts.random() * ROUND);
  }

  /** Processes that took part in the last round, this one among them. */
  get members(): number {
    return this.#members;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#next();
    const { link, key, id } = this.#parts;
    await link.call("HDEL", key, id).catch(() => undefined);
    await link.close();
  }

  #soon(ms: number): Cancel {
    return this.#parts.clock.after(ms, () => void this.#round(), "background");
  }

  async #round(): Promise<void> {
    const { clock, random, link, key, id, desks, borrow } = this.#parts;
    const own = desks();
    try {
      const text = JSON.stringify(own);
      if (text.length > LONGEST) throw new Error("too many dependencies for a record");
      const records = readRecords(await link.script(EXCHANGE, [key], [id, text, FRESH, MOST]));
      if (this.#closed) return;
      this.#heardAt = clock.now();
      this.#members = records.size;
      borrow(sharesOf(id, own, records));
    } catch {
      if (this.#closed) return;
      if (clock.now() - this.#heardAt >= FRESH) {
        this.#members = 1;
        borrow({});
      }
    }
    this.#next = this.#soon(ROUND * (0.9 + 0.2 * random()));
  }
}

/** Records of others are bytes from outside: what is none is passed over. */
function readRecords(reply: RedisReply): Map<string, Desks> {
  const records = new Map<string, Desks>();
  const parts = Array.isArray(reply) ? (reply as readonly RedisReply[]) : [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [id, text] = [parts[i], parts[i + 1]];
    if (!Buffer.isBuffer(id) || !Buffer.isBuffer(text) || text.length > LONGEST) continue;
    const read = record.safeParse(parsed(text.toString()));
    if (read.success) records.set(id.toString(), read.data);
  }
  return records;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What process `id` borrows or lends. Processes are put in order, so that all of them deal out alike. */
function sharesOf(id: string, own: Desks, records: Map<string, Desks>): Record<string, number> {
  const ids = [...records.keys()].sort();
  const shares: Record<string, number> = {};
  for (const name of Object.keys(own)) {
    const at = ids.filter((one) => records.get(one)![name] !== undefined);
    const delta = lend(at.map((one) => records.get(one)![name]!))[at.indexOf(id)] ?? 0;
    if (delta !== 0) shares[name] = delta;
  }
  return shares;
}

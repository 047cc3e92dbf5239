import type { RedisLink, RedisReply, RedisScript } from "../../core/redis.ts";
import type { Logged, PurgeLog, Reading, Remembered } from "./log.ts";
import { SLOT } from "./log-position.ts";
import { marksOfPurge, readPurge, writePurge } from "./purge-text.ts";

/** Purges that the log keeps, or some more. */
const MOST_LOGGED = 100_000;
/** Marks of tags and URLs in one generation. There are two: about 20 MB of Redis when both are full. */
const MOST_MARKS = 100_000;
/** Purges read at once. */
const MOST_READ = 1_000;

/**
 * KEYS: the stream, the marks, the older marks. `advance` gives the next position: by the clock of Redis, a multiple of
 * the slot, above the stream's last and above what the caller knows. `mark` begins a generation when there is none.
 */
const PRELUDE = `
local log, marks, older = KEYS[1], KEYS[2], KEYS[3]
local slot, mostLogged = ${SLOT}, ${MOST_LOGGED}
local function lastOf()
  local info = redis.pcall('XINFO', 'STREAM', log)
  if info.err then return -1 end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return tonumber(string.match(info[i + 1], '^%d+')) end
  end
end
local time = redis.call('TIME')
local now = (time[1] * 1000 + math.floor(time[2] / 1000)) * slot
local function advance(last, above)
  local least = math.floor(math.max(last, above, 0) / slot + 1) * slot
  return math.max(now, least)
end
local function text(position) return string.format('%.0f', position) end
local function add(at, last, purge)
  redis.call('XADD', log, 'MAXLEN', '~', mostLogged, text(at) .. '-0', 'b', text(math.max(last, 0)), 'p', purge)
  if redis.call('EXISTS', marks) == 0 then redis.call('HSET', marks, 'since', text(at)) end
end
`;

/** ARGV: channel, above, then for each purge: its text, number of marks, the marks. */
const APPEND: RedisScript = {
  name: "append purges",
  lua: `${PRELUDE}
local last, above = lastOf(), tonumber(ARGV[2])
local i = 3
while i <= #ARGV do
  local at = advance(last, above)
  add(at, last, ARGV[i])
  local count = tonumber(ARGV[i + 1])
  for j = i + 2, i + 1 + count do redis.call('HSET', marks, ARGV[j], text(at)) end
  if redis.call('HLEN', marks) > ${MOST_MARKS} then
    redis.call('RENAME', marks, older)
    redis.call('HSET', marks, 'since', text(at))
  end
  last = at
  i = i + 2 + count
end
redis.call('PUBLISH', ARGV[1], text(last))
return last
`,
};

/** ARGV: after. A log that has less than the reader saw, or nothing, goes on above that. */
const READ: RedisScript = {
  name: "read purges",
  lua: `${PRELUDE}
local last, after = lastOf(), tonumber(ARGV[1])
if last < 0 or last < after then
  local recent = {}
  if last >= 0 and after >= 0 then recent = redis.call('XREVRANGE', log, '+', '-', 'COUNT', ${MOST_READ}) end
  local at = advance(last, after)
  add(at, last, '')
  return { now, at, last, 1, recent }
end
if after < 0 then return { now, last, 0, 0, {} } end
return { now, last, 0, 0, redis.call('XRANGE', log, text(after + 1) .. '-0', '+', 'COUNT', ${MOST_READ}) }
`,
};

/** The log as a Redis stream. `prefix` begins its keys; `origin` tells instances apart for people who look at it. */
export function createRedisLog(link: RedisLink, prefix: string, origin: string): PurgeLog {
  // One slot of a cluster: a script may touch no other.
  const name = (what: string): string => `{${prefix}:purges}:${what}`;
  const keys = [name("log"), name("marks"), name("older-marks")];
  const channel = name("news");
  const listeners: (() => void)[] = [];
  const news = (): void => {
    for (const listener of listeners) listener();
  };
  const stops = [link.subscribe(channel, news), link.onState((state) => state === "up" && news())];
  return {
    async append(purges, above) {
      const args = purges.flatMap((purge) => {
        const marks = marksOfPurge(purge);
        return [writePurge(purge, origin), marks.length, ...marks];
      });
      return numberOf(await link.script(APPEND, keys, [channel, above, ...args]));
    },
    read: async (after) => readingOf(await link.script(READ, keys, [after])),
    async remembered(marks) {
      const fields = ["since", ...marks.map((mark) => `h${mark}`), ...marks.map((mark) => `s${mark}`)];
      const [newer, older] = await link.batch([
        ["HMGET", keys[1]!, ...fields],
        ["HMGET", keys[2]!, ...fields],
      ]);
      return rememberedIn(listOf(newer).map(positionOf), listOf(older).map(positionOf));
    },
    onNews: (listener) => void listeners.push(listener),
    async close() {
      for (const stop of stops) stop();
      await link.close();
    },
  };
}

/** `fields` are the since, half of the others hard, half soft; those of both generations count. */
function rememberedIn(newer: readonly (number | undefined)[], older: readonly (number | undefined)[]): Remembered {
  const half = (newer.length - 1) / 2;
  let soft = 0;
  let hard = 0;
  for (let i = 1; i < newer.length; i++) {
    const position = Math.max(newer[i] ?? 0, older[i] ?? 0);
    if (i <= half) hard = Math.max(hard, position);
    else soft = Math.max(soft, position);
  }
  return { since: newer[0] === undefined ? Infinity : (older[0] ?? newer[0]), soft, hard };
}

function readingOf(reply: RedisReply): Reading {
  const [now, last, before, lost, raw] = listOf(reply);
  const entries = listOf(raw).map(loggedOf);
  return {
    now: numberOf(now),
    last: numberOf(last),
    lostFrom: numberOf(lost) === 1 ? numberOf(before) : undefined,
    entries,
    more: entries.length === MOST_READ,
  };
}

/** `[id, [name, value, ...]]`. What somebody else put into the stream is no purge that can be read. */
function loggedOf(raw: RedisReply): Logged {
  const [id, pairs] = listOf(raw);
  const fields = listOf(pairs).map(String);
  const field = (name: string): string | undefined => {
    const at = fields.indexOf(name);
    return at < 0 ? undefined : fields[at + 1];
  };
  const purge = field("p");
  return {
    position: Number.parseInt(String(id), 10),
    before: Number(field("b") ?? 0),
    purge: purge === "" ? undefined : readPurge(purge ?? ""),
  };
}

const isList = (reply: unknown): reply is readonly RedisReply[] => Array.isArray(reply);

function listOf(reply: unknown): readonly RedisReply[] {
  if (isList(reply)) return reply;
  throw reply instanceof Error ? reply : new Error("Redis answered with something else than a list");
}

function numberOf(reply: RedisReply | undefined): number {
  if (typeof reply === "number") return reply;
  throw new Error("Redis answered with something else than a number");
}

const positionOf = (reply: RedisReply): number | undefined => (reply === null ? undefined : Number(String(reply)));

/** What quotas have done inside Redis, by its own clock: those of gateways may differ, and step. */
import type { RedisScript } from "../core/redis.ts";

/**
 * A token bucket (GCRA). `KEYS[1]` holds the arrival time in microseconds; `ARGV` microseconds between two tokens, tokens
 * in a full bucket, tokens wanted, tokens given back. Gives how many were granted, how many are left, microseconds until
 * there is one more, and until the bucket is full. When the clock of the server has stepped back, a bucket is empty at
 * most.
 */
export const TAKE_TOKENS: RedisScript = {
  name: "take tokens",
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local want, back = tonumber(ARGV[3]), tonumber(ARGV[4])
local full = now + burst * interval
local arrival = math.min(tonumber(redis.call('GET', KEYS[1]) or 0) or 0, full)
arrival = math.max(arrival - back * interval, now)
local room = math.floor((full - arrival) / interval + 0.000001)
local granted = math.max(0, math.min(want, room))
arrival = arrival + granted * interval
local rest = math.ceil(arrival - now)
if rest > 0 then
  redis.call('SET', KEYS[1], string.format('%.2f', arrival), 'PX', math.ceil(rest / 1000))
elseif back > 0 then
  redis.call('DEL', KEYS[1])
end
return {granted, room - granted, math.max(0, math.ceil(arrival + interval - full)), rest}`,
};

/**
 * Who is there: `KEYS[1]` is a sorted set of processes by when they last said so; `ARGV` this process, and milliseconds
 * after which one counts as gone. Gives how many there are.
 */
export const SAY_PRESENT: RedisScript = {
  name: "say present",
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[2], '+inf')
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[2])
return redis.call('ZCARD', KEYS[1])`,
};

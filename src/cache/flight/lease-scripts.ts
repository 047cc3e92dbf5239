/**
 * What leases have done inside Redis, on its clock. One hash is what the fleet knows of one load: `owner`, `until` and
 * `fence` of the lease, `filled`: the fence of the last load that came to its end, `failures` in a
 * row, `quiet` and `unshared` until.
 */
import type { RedisScript } from "../../core/redis.ts";

/** Milliseconds for which a load that nobody asks for any more is remembered. */
const REMEMBERED = 600_000;
/** Milliseconds after the first failure, doubled with each further one, and the longest. As for one process. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

const NOW = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/** Milliseconds for which all instances load for themselves what turned out to be of use to nobody else. */
const UNSHARED = 10_000;

/**
 * `KEYS[1]`; `ARGV` owner, milliseconds, whether a back-off is heeded, fence of a lease that may be taken over, fence
 * that is known already. Gives `{0, fence}` won, `{1, milliseconds, fence}` lost, `{2, milliseconds}` quiet, `{3}` free
 * for all, or `{4, fence}` filled since. Fences grow with the clock too, so that one that was forgotten does not begin
 * anew.
 */
export const ACQUIRE: RedisScript = {
  name: "acquire a lease",
  lua: `${NOW}
local r = redis.call('HMGET', KEYS[1], 'until', 'quiet', 'fence', 'filled', 'unshared')
for i = 1, 5 do r[i] = tonumber(r[i] or 0) or 0 end
local until_, quiet, fence, filled, unshared = r[1], r[2], r[3], r[4], r[5]
local known = tonumber(ARGV[5])
if filled > known then return {4, filled} end
if quiet > now and ARGV[3] == '1' then return {2, quiet - now} end
if quiet > now or unshared > now then return {3} end
if until_ > now and fence ~= tonumber(ARGV[4]) then return {1, until_ - now, fence} end
fence = math.max(fence + 1, now * 1000, known + 1)
local ttl = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', string.format('%.0f', now + ttl), 'fence', string.format('%.0f', fence))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, ${REMEMBERED})))
return {0, fence}`,
};

/** `KEYS[1]`; `ARGV` owner, `filled`, `failed`, `unshared` or `nothing`, factor that spreads the pause. A lease of another stays. */
export const RELEASE: RedisScript = {
  name: "release a lease",
  lua: `${NOW}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'until')
if ARGV[2] == 'filled' then
  redis.call('HSET', KEYS[1], 'filled', redis.call('HGET', KEYS[1], 'fence'))
  redis.call('HDEL', KEYS[1], 'quiet', 'failures', 'unshared')
elseif ARGV[2] == 'failed' then
  local failures = math.min(redis.call('HINCRBY', KEYS[1], 'failures', 1), 30)
  local pause = math.min(${FIRST_PAUSE} * 2 ^ (failures - 1), ${LONGEST_PAUSE}) * tonumber(ARGV[3])
  redis.call('HSET', KEYS[1], 'quiet', string.format('%.0f', now + pause))
elseif ARGV[2] == 'unshared' then
  redis.call('HSET', KEYS[1], 'unshared', string.format('%.0f', now + ${UNSHARED}))
end
return 1`,
};

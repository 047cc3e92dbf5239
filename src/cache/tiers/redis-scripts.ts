/**
 * What the Redis tier has done inside Redis. One hash is one record: field `i` lists its variants, the last written
 * first, as JSON `[[id, vary, fence, keepUntil], ...]`; field `f<id>` holds the frame of each. A variant without Vary has
 * the id "". One key a record, so a cluster handles it in one call.
 */
import type { RedisScript } from "../../core/redis.ts";

/** Octets of a list of variants; a longer one is not ours. */
export const LONGEST_INDEX = 65_536;

/**
 * `KEYS[1]` record; `ARGV` id, octets that a frame may have. Gives the frame of this id and the list, nil for what is
 * not there or too long. Reads only, so a replica may do it, and so may a server out of memory.
 */
export const GET_ENTRY: RedisScript = {
  name: "get entry",
  lua: `
local field = 'f' .. ARGV[1]
local frame, index = false, false
if redis.call('HSTRLEN', KEYS[1], field) <= tonumber(ARGV[2]) then frame = redis.call('HGET', KEYS[1], field) end
if redis.call('HSTRLEN', KEYS[1], 'i') <= ${LONGEST_INDEX} then index = redis.call('HGET', KEYS[1], 'i') end
return {frame, index}`,
};

/**
 * `KEYS[1]` record; `ARGV` id, Vary, fence, keepUntil, frame, now, most variants, ids that were read since the last
 * write, the last one first, as JSON. Gives 1, or 0 when what is kept has a higher fence. What is expired or one too many gives way; the record lives as long as the longest of its variants.
 */
export const SET_ENTRY: RedisScript = {
  name: "set entry",
  lua: `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local id, fence, now = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[6])
local read, rows = pcall(cjson.decode, redis.call('HGET', KEYS[1], 'i') or '[]')
if not read or type(rows) ~= 'table' then
  redis.call('DEL', KEYS[1])
  rows = {}
end
local until_ = tonumber(ARGV[4])
local kept = {{id, ARGV[2], ARGV[3], ARGV[4]}}
local byId, ordered = {}, {}
for _, row in ipairs(rows) do
  if type(row) == 'table' and type(row[1]) == 'string' then byId[row[1]] = row end
end
for _, used in ipairs(cjson.decode(ARGV[8])) do
  if byId[used] then
    ordered[#ordered + 1] = byId[used]
    byId[used] = nil
  end
end
for _, row in ipairs(rows) do
  if type(row) == 'table' and byId[row[1]] then ordered[#ordered + 1] = row end
end
for _, row in ipairs(ordered) do
  local own = tonumber(row[3]) and tonumber(row[4])
  if own and row[1] == id then
    if tonumber(row[3]) > fence and tonumber(row[4]) > now then return 0 end
  elseif own and tonumber(row[4]) > now and #kept < tonumber(ARGV[7]) then
    kept[#kept + 1] = row
    if tonumber(row[4]) > until_ then until_ = tonumber(row[4]) end
  else
    redis.call('HDEL', KEYS[1], 'f' .. row[1])
  end
end
redis.call('HSET', KEYS[1], 'f' .. id, ARGV[5], 'i', cjson.encode(kept))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', until_))
return 1`,
};

/** `KEYS[1]` record; `ARGV` id, fence: what an entry that is not kept would have replaced goes. */
export const SUPERSEDE_ENTRY: RedisScript = {
  name: "supersede entry",
  lua: `
local read, rows = pcall(cjson.decode, redis.call('HGET', KEYS[1], 'i') or '[]')
if not read or type(rows) ~= 'table' then return redis.call('DEL', KEYS[1]) end
local kept = {}
for _, row in ipairs(rows) do
  if type(row) ~= 'table' or type(row[1]) ~= 'string' then return redis.call('DEL', KEYS[1]) end
  if row[1] ~= ARGV[1] then kept[#kept + 1] = row
  elseif (tonumber(row[3]) or 0) > tonumber(ARGV[2]) then return 0 end
end
if #kept == 0 then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'i', cjson.encode(kept))
return redis.call('HDEL', KEYS[1], 'f' .. ARGV[1])`,
};

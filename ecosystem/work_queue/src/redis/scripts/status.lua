-- Returns the figures of a queue: entries, pending entries, scheduled jobs, dead letters, ms since the
-- first entry was added or -1, and for each worker its name, its pending entries, and the ms since its
-- heartbeat.
local now, pending, has = now_ms(), 0, {}
local summary = redis.pcall('XPENDING', jobs, group)
if not summary.err then
  pending = summary[1]
  for _, consumer in ipairs(summary[4] or {}) do has[consumer[1]] = tonumber(consumer[2]) end
end
local oldest, list = -1, {}
local first = redis.call('XRANGE', jobs, '-', '+', 'COUNT', 1)[1]
if first then oldest = math.max(0, now - tonumber(fields_of(first).added)) end
local names = redis.call('ZRANGE', workers, 0, -1, 'WITHSCORES')
for at = 1, #names, 2 do
  list[#list + 1] = {names[at], has[names[at]] or 0, math.max(0, now - tonumber(names[at + 1]))}
end
return {redis.call('XLEN', jobs), pending, redis.call('ZCARD', later), redis.call('XLEN', dead), oldest, list}

-- Moves jobs that are due into the stream. ARGV: largest number of jobs.
-- Returns the number of moved jobs, and the ms until the next job is due, or -1.
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', later, '-inf', digits(now), 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
  local job = cmsgpack.unpack(member)
  add(job[1], job[2], job[3], job[4])
  redis.call('ZREM', later, member)
end
local next = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
return {#due, next[2] and math.max(0, tonumber(next[2]) - now) or -1}

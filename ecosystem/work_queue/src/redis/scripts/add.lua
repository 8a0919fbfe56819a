-- Adds a job, unless its id is known or the queue is full. KEYS[5]: the id's key. ARGV: id, payload,
-- retention in ms, bound of the backlog, bound of the dead letters, delay in ms, mark of the operation.
-- By the mark the script recognizes an earlier attempt of the same operation with a lost answer.
local mark = redis.call('GET', KEYS[5])
if mark then return mark == ARGV[7] and 'added' or 'known' end
if redis.call('XLEN', dead) >= tonumber(ARGV[5]) then return 'dead' end
if redis.call('XLEN', jobs) + redis.call('ZCARD', later) >= tonumber(ARGV[4]) then return 'full' end
local now, delay = now_ms(), tonumber(ARGV[6])
redis.call('SET', KEYS[5], ARGV[7], 'PX', ARGV[3])
if delay > 0 then
  add_later(now + delay, ARGV[1], '1', digits(now), ARGV[2])
else
  add(ARGV[1], '1', digits(now), ARGV[2])
end
return 'added'

-- Removes a worker that ends, and moves its jobs back to the queue. ARGV: worker. Returns the number of
-- these jobs.
local given_back, most = 0, 20000
local list = redis.call('XPENDING', jobs, group, '-', '+', most, ARGV[1])
for _, pending in ipairs(list) do
  local fields = job_of(pending[1])
  if fields then
    add(fields.id, fields.attempt, fields.added, fields.payload)
    given_back = given_back + 1
  end
  remove(pending[1])
end
-- The name must stay while it has entries, because otherwise no worker would receive them again. With
-- the name, other workers claim them.
if #list < most then
  redis.call('XGROUP', 'DELCONSUMER', jobs, group, ARGV[1])
  redis.call('ZREM', workers, ARGV[1])
end
return given_back

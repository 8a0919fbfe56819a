-- Claims the jobs of workers that have sent no heartbeat for some time. ARGV: worker, ms without a
-- heartbeat, largest number of jobs, largest number of deliveries of a job, reason of a dead letter.
-- Returns the jobs, and the ids of the jobs that have become dead letters.
local idle_ms, deliveries_max = ARGV[2], tonumber(ARGV[4])
local claimed, died = {}, {}
for _, pending in ipairs(redis.call('XPENDING', jobs, group, 'IDLE', idle_ms, '-', '+', ARGV[3])) do
  local entry, deliveries = pending[1], tonumber(pending[4])
  local fields = job_of(entry)
  if not fields then
    remove(entry) -- Another client has deleted the entry.
  elseif deliveries >= deliveries_max then
    add_dead(entry, fields, ARGV[5])
    died[#died + 1] = fields.id
  else
    redis.call('XCLAIM', jobs, group, ARGV[1], idle_ms, entry)
    claimed[#claimed + 1] = {entry, fields.id, fields.attempt, fields.added, fields.payload, deliveries + 1}
  end
end
-- Removes the names of workers that have died and have no job any more.
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', digits(now_ms() - tonumber(idle_ms)))) do
  if #redis.call('XPENDING', jobs, group, '-', '+', 1, worker) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', jobs, group, worker)
    redis.call('ZREM', workers, worker)
  end
end
return {claimed, died}

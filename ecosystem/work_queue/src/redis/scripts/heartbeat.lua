-- Records a heartbeat. ARGV: worker, then the entries that it has. Returns the entries that are no
-- longer the worker's.
local lost = {}
for at = 2, #ARGV do
  -- With JUSTID the idle time starts again, and the number of deliveries does not change.
  if owns(ARGV[1], ARGV[at]) then
    redis.call('XCLAIM', jobs, group, ARGV[1], 0, ARGV[at], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[at]
  end
end
-- A broker without memory refuses this command, but not XCLAIM. With pcall the worker keeps its jobs
-- also then.
redis.pcall('ZADD', workers, digits(now_ms()), ARGV[1])
return lost

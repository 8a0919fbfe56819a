-- Schedules the next attempt of a job. ARGV: worker, entry, pause in ms. Returns 0 if the job is not the
-- worker's.
if not owns(ARGV[1], ARGV[2]) then return 0 end
local fields = job_of(ARGV[2])
if fields then
  local attempt = digits(tonumber(fields.attempt) + 1)
  add_later(now_ms() + tonumber(ARGV[3]), fields.id, attempt, fields.added, fields.payload)
end
remove(ARGV[2])
return fields and 1 or 0

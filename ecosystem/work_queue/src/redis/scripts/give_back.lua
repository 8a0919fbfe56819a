-- Moves an unchanged job to the end of the queue. ARGV: worker, entry. Returns 0 if the job is not the
-- worker's.
if not owns(ARGV[1], ARGV[2]) then return 0 end
local fields = job_of(ARGV[2])
if fields then add(fields.id, fields.attempt, fields.added, fields.payload) end
remove(ARGV[2])
return fields and 1 or 0

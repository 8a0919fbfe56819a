-- Makes a dead letter of a job. ARGV: worker, entry, reason. Returns 0 if the job is not the worker's.
if not owns(ARGV[1], ARGV[2]) then return 0 end
local fields = job_of(ARGV[2])
if fields then add_dead(ARGV[2], fields, ARGV[3]) else remove(ARGV[2]) end
return fields and 1 or 0

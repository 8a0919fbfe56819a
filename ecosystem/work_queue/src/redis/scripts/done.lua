-- Removes a handled job. ARGV: worker, entry. Returns 0 if the job is not, or no longer, the worker's.
if not owns(ARGV[1], ARGV[2]) then return 0 end
remove(ARGV[2])
return 1

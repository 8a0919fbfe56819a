-- Finds the oldest dead letters. ARGV: largest number. Returns the last of them, and their number.
-- The script reads one at a time, because a payload may be large.
local last, count = nil, 0
while count < tonumber(ARGV[1]) do
  local letter = redis.call('XRANGE', dead, last and '(' .. last or '-', '+', 'COUNT', 1)[1]
  if not letter then break end
  last, count = letter[1], count + 1
end
return {last or '', count}

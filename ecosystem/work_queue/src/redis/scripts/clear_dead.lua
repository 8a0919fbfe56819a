-- Removes dead letters. ARGV: the last one to remove, '1' to add their jobs again. A second call with
-- the same arguments changes nothing.
while true do
  local letter = redis.call('XRANGE', dead, '-', ARGV[1], 'COUNT', 1)[1]
  if not letter then return 'cleared' end
  if ARGV[2] == '1' then
    local fields = fields_of(letter)
    add(fields.id, '1', fields.added, fields.payload)
  end
  redis.call('XDEL', dead, letter[1])
end

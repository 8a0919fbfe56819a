-- The functions that the scripts share. All keys of a queue have one hash tag, so they are in one slot
-- of a cluster.
local jobs, later, dead, workers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group = 'workers'

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function digits(number)
  return string.format('%.0f', number)
end

-- Returns the fields of an entry as a table. An entry of another program may lack some of the fields.
local function fields_of(found)
  local fields = {id = '', attempt = '1', added = '0', payload = ''}
  for at = 1, #found[2], 2 do fields[found[2][at]] = found[2][at + 1] end
  for _, name in ipairs({'attempt', 'added'}) do fields[name] = digits(tonumber(fields[name]) or 0) end
  return fields
end

-- Returns the fields of a job, or nil if the job is not in the stream.
local function job_of(entry)
  local found = redis.call('XRANGE', jobs, entry, entry)[1]
  return found and fields_of(found)
end

local function add(id, attempt, added, payload)
  redis.call('XADD', jobs, '*', 'id', id, 'attempt', attempt, 'added', added, 'payload', payload)
end

-- Adds a job that is due later. The member of the sorted set has all fields of the job.
local function add_later(due, id, attempt, added, payload)
  redis.call('ZADD', later, digits(due), cmsgpack.pack({id, attempt, added, payload}))
end

local function owns(worker, entry)
  return redis.call('XPENDING', jobs, group, entry, entry, 1, worker)[1] ~= nil
end

-- Removes an entry from the stream. No other function does so, and trimming would lose jobs that no
-- worker has handled.
local function remove(entry)
  redis.call('XACK', jobs, group, entry)
  redis.call('XDEL', jobs, entry)
end

local function add_dead(entry, fields, reason)
  redis.call('XADD', dead, '*', 'id', fields.id, 'attempt', fields.attempt, 'added', fields.added,
    'died', digits(now_ms()), 'reason', reason, 'payload', fields.payload)
  remove(entry)
end

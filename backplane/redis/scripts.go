package redis

import (
	"crypto/sha1" //nolint:gosec // the name of a script in Redis
	"encoding/hex"

	"github.com/redis/rueidis"
)

const replicationFunction = `
local function replication()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or 'none'
end
`

// The keys of a log: the stream of its entries, and a hash with n, the last position, b, the base, and r, which
// Redis has made the base. An entry of k messages has the fields n, k, and d, a frame; its id is the position of its
// last message. A base is an entry with the field b.
//
// r is the replication id, which is another one after each restart and each promotion of a replica, when positions
// may have been lost. INFO replication takes 2 to 4 µs of the 10 to 12 µs of an append, INFO server 8. The microseconds in a base keep two
// servers from making the same one, where a second failover follows the first.
const scriptBase = replicationFunction + `
local limit, step = 2^46 - 2^31, 2^30
local function position(text)
  local n = tonumber(text or '')
  if n and n >= 0 and n < limit and n % 1 == 0 then return n end
end
local function id(n) return string.format('%.0f-0', n) end
local state = redis.call('HMGET', KEYS[2], 'n', 'b', 'r')
local n, base = position(state[1]), position(state[2])
local run = replication()
local function top()
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if info.err then
    if string.find(info.err, 'no such key', 1, true) then return 0 end
    error(info.err)
  end
  for i = 1, #info - 1, 2 do
    if info[i] == 'last-generated-id' then return tonumber(string.match(info[i + 1], '^%d+')) end
  end
  return 0
end
local function rebase(read, keep)
  local last = top()
  if last >= limit then redis.call('DEL', KEYS[1]) last = 0 end
  local now = redis.call('TIME')
  base = math.max(n or 0, read, last, (now[1] * 1000 + math.floor(now[2] / 1000) - 1767225600000) * 16) + step + now[2] * 64
  n = base
  redis.call('XADD', KEYS[1], id(base), 'b', '1')
  redis.call('HSET', KEYS[2], 'n', id(n):sub(1, -3), 'b', id(base):sub(1, -3), 'r', run)
  redis.call('PEXPIRE', KEYS[1], keep)
  redis.call('PEXPIRE', KEYS[2], keep)
end
local function lost(read) return not n or not base or state[3] ~= run or n < read end
`

// appendScript appends a frame, and returns the position of its last message. It refuses one of which a message, or a later one of the
// same node, is there already (LATE): it was sent again. It refuses one at another base than the node knows (BASE and the base): where an
// earlier attempt may have appended it, nodes may have read it at that base.
// KEYS: stream, hash, a hash of the node with s, the number of its last message. ARGV: last position read, milliseconds to keep, oldest
// position, most messages, how many the frame has, frame, the number of its first message and that of its last, or 0 for none, the base, or 0
// for any, and 1 if an earlier attempt may have appended it.
const appendScript = scriptBase + `
local read, keep, k = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[5])
local sent = ARGV[7] ~= '0' and redis.call('HGET', KEYS[3], 's')
if sent and tonumber(ARGV[7]) <= tonumber(sent) then
  return redis.error_reply('LATE it is in the log already')
end
local function known() return ARGV[9] == '0' or base == tonumber(ARGV[9]) and (sent or ARGV[10] == '0') end
local function add()
  local oldest = tonumber(ARGV[3])
  if n - ARGV[4] > math.max(oldest, base) then oldest = n - ARGV[4] end
  return redis.pcall('XADD', KEYS[1], 'MINID', '~', id(oldest), id(n + k), 'n', k, 'd', ARGV[6])
end
if lost(read) then rebase(read, keep) end
local added = known() and add()
if type(added) == 'table' and added.err and string.find(added.err, 'equal or smaller', 1, true) then
  rebase(read, keep)
  added = known() and add()
end
if not added then return redis.error_reply('BASE ' .. string.format('%.0f', base)) end
if type(added) == 'table' and added.err then return added end
n = n + k
redis.call('HSET', KEYS[2], 'n', id(n):sub(1, -3))
if ARGV[8] ~= '0' then
  redis.call('HSET', KEYS[3], 's', ARGV[8])
  redis.call('PEXPIRE', KEYS[3], 3600000)
end
return n
`

// openScript returns the base and the last position, after it has made a new base if one is due, and trims.
// KEYS: stream, hash, that of the node. ARGV: last position read, milliseconds to keep, oldest position.
const openScript = scriptBase + `
local read = tonumber(ARGV[1])
if lost(read) or top() > n then rebase(read, ARGV[2]) end
redis.call('XTRIM', KEYS[1], 'MINID', '~', id(tonumber(ARGV[3])))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[3], 3600000)
return {base, n}
`

// A record is a hash with o, the owner, v, the value, and r, the replication id at which it was stored: after a failover it may be an
// older one, and is not used until its owner has stored it again.

// saveScript stores a record, and returns 1; 0 if it has another owner.
// KEYS: record. ARGV: owner, milliseconds to keep, value.
const saveScript = replicationFunction + `
local owner = redis.call('HGET', KEYS[1], 'o')
if owner and owner ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'v', ARGV[3], 'r', replication())
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`

// takeScript changes the owner of a record, and returns the one before and the value; nothing without a record.
// KEYS: record. ARGV: owner, milliseconds to keep.
const takeScript = replicationFunction + `
local r = redis.call('HMGET', KEYS[1], 'o', 'v', 'r')
if not r[1] or not r[2] or r[3] ~= replication() then return {} end
redis.call('HSET', KEYS[1], 'o', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {r[1], r[2]}
`

// refreshScript keeps a record, and returns 1; 0 unless it has the owner.
// KEYS: record. ARGV: owner, milliseconds to keep.
const refreshScript = `
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`

// dropScript removes a record unless it has another owner.
// KEYS: record. ARGV: owner.
const dropScript = `
if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`

// script is a script, which Redis knows by a sum after it has run it once.
type script struct{ text, sum string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // its name in Redis
	return script{text, hex.EncodeToString(sum[:])}
}

// scripts are those of an engine with a log.
type scripts struct{ add, open, save, take, refresh, drop script }

func newScripts() scripts {
	return scripts{
		newScript(appendScript), newScript(openScript), newScript(saveScript), newScript(takeScript), newScript(refreshScript),
		newScript(dropScript),
	}
}

// call is a call of a script.
type call struct {
	script     script
	keys, args []string
}

// command returns an EVALSHA, or an EVAL for a script that Redis does not know yet.
func (c call) command(b rueidis.Builder, known bool) rueidis.Completed {
	if known {
		return b.Evalsha().Sha1(c.script.sum).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
	}
	return b.Eval().Script(c.script.text).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

// unknown reports that Redis did not know the script, and has done nothing.
func unknown(err error) bool {
	e, refused := rueidis.IsRedisErr(err)
	return refused && e.IsNoScript()
}

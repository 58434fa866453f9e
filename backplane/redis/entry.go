package redis

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// streamID is the id of an entry of a stream: those of a log have the sequence 0.
type streamID struct{ ms, sequence uint64 }

const lastSequence = math.MaxUint64

func (id streamID) String() string { return decimal(id.ms) + "-" + decimal(id.sequence) }

func readID(text string) (id streamID, ok bool) {
	ms, sequence, ok := strings.Cut(text, "-")
	var err, err2 error
	id.ms, err = strconv.ParseUint(ms, 10, 64)
	id.sequence, err2 = strconv.ParseUint(sequence, 10, 64)
	return id, ok && err == nil && err2 == nil
}

// streamEntry is an entry of the stream. One that is invalid was appended by other software.
type streamEntry struct {
	backplane.Entry

	id      streamID
	invalid bool
}

const (
	// maxEntries and maxReply bound what is read at once: so many entries, fewer when the last ones had more bytes.
	maxEntries = 128
	maxReply   = 1 << 20
	// maxPerEntry is how many messages an entry has at most.
	maxPerEntry = 1 << 16
	// maxPosition is above all positions, as in the scripts.
	maxPosition = 1<<46 - 1<<31
)

// nextCount returns how many entries to read after others, of which there were count at most.
func nextCount(count int64, all []streamEntry) int64 {
	bytes := 0
	for _, e := range all {
		bytes += len(e.Frame)
	}
	if bytes > maxReply {
		return max(count/4, 1)
	}
	return min(2*count, maxEntries)
}

// readEntries reads what XRANGE returns. The error is that it is not from Redis.
func readEntries(values []rueidis.RedisMessage) ([]streamEntry, error) {
	all := make([]streamEntry, 0, len(values))
	for _, v := range values {
		pair, err := v.ToArray()
		if err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("%w: an entry of %d values", errProtocol, len(pair))
		}
		text, err := pair[0].ToString()
		id, ok := readID(text)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: an entry with the id %.40q", errProtocol, text)
		}
		fields, err := pair[1].AsStrSlice()
		e := streamEntry{id: id, invalid: err != nil}
		if err == nil {
			e.Entry, ok = readEntry(id, fields)
			e.invalid = !ok
		}
		all = append(all, e)
	}
	return all, nil
}

// readEntry reads an entry of fields and values.
func readEntry(id streamID, fields []string) (e backplane.Entry, ok bool) {
	if id.sequence != 0 || id.ms == 0 || id.ms >= maxPosition || len(fields)%2 != 0 {
		return e, false
	}
	var messages uint64
	for i := 0; i < len(fields); i += 2 {
		switch value := fields[i+1]; fields[i] {
		case "b":
			return backplane.Entry{First: id.ms + 1, NewBase: true}, true
		case "n":
			messages, _ = strconv.ParseUint(value, 10, 64)
		case "d":
			if len(value) == 0 || len(value) > maxMessage {
				return e, false
			}
			e.Frame = owned(value)
		}
	}
	if messages == 0 || messages > min(id.ms, maxPerEntry) || e.Frame == nil {
		return backplane.Entry{}, false
	}
	e.First, e.Messages = id.ms-messages+1, int(messages)
	return e, true
}

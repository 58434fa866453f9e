package gateway

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

const (
	// maxNotices bounds the nodes that have stopped of which the keepers are known, for noticeTime.
	maxNotices = 1000
	noticeTime = 10 * time.Minute
	// maxKeepers bounds the nodes of a Notice.
	maxKeepers = 1000
)

// notices are those of the nodes that stop or have stopped. The zero value is empty.
type notices struct {
	mu  sync.Mutex
	all map[string]notice // by node
}

type notice struct {
	keepers []string
	until   time.Time
}

// notice handles a Notice.
func (mv *moves) notice(m *backplane.Message) error {
	var body noticeBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	if len(body.Keepers) > maxKeepers || slices.ContainsFunc(body.Keepers, badKey) {
		return envelope.ErrInvalid
	}
	n := &mv.notices
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]notice{}
	}
	for id, old := range n.all {
		if now.After(old.until) {
			delete(n.all, id)
		}
	}
	if len(n.all) < maxNotices {
		n.all[m.Origin] = notice{body.Keepers, now.Add(noticeTime)}
	}
	return nil
}

// stops reports whether a node stops or has stopped.
func (mv *moves) stops(node string) bool {
	mv.notices.mu.Lock()
	defer mv.notices.mu.Unlock()
	_, stops := mv.notices.all[node]
	return stops
}

// keepersOf returns the nodes that may keep a client of a node that has stopped: the one that the Notices lead to first, then the
// others in their order.
func (mv *moves) keepersOf(key string) (ids []string) {
	for _, n := range mv.rt.cluster.Others() {
		ids = append(ids, n.ID)
	}
	ids = rank(key, ids)
	mv.notices.mu.Lock()
	defer mv.notices.mu.Unlock()
	var keepers []string
	for id, n := range mv.notices.all {
		if strings.HasPrefix(id, key[:prefixSize]) {
			keepers = n.keepers
		}
	}
	for range maxHops { // a keeper may have stopped too
		ranked := rank(key, keepers)
		if len(ranked) == 0 {
			break
		}
		if i := slices.Index(ids, ranked[0]); i >= 0 {
			return slices.Insert(slices.Delete(ids, i, i+1), 0, ranked[0])
		}
		keepers = mv.notices.all[ranked[0]].keepers
	}
	return ids
}

// rank returns nodes in the order of rendezvous hashing of a private id: all nodes agree on the first of those that live.
func rank(key string, nodes []string) []string {
	weight := make(map[string]uint64, len(nodes))
	for _, id := range nodes {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + " " + key)) // never fails
		w := h.Sum64()
		w ^= w >> 33 // the last bytes would count for little otherwise
		w *= 0xff51afd7ed558ccd
		weight[id] = w ^ w>>33
	}
	ranked := slices.Clone(nodes)
	slices.SortFunc(ranked, func(a, b string) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
	return ranked
}

package record

import (
	"math"
	"slices"
)

// plan is what is known of the order of a file's lines.
type plan struct {
	lines []*Line
	loose map[*Line]bool    // events whose order does not count
	soon  map[*Line][]*Line // ends that may be before an input, although their lines follow
}

// activity is what may cause events: a message, a connection that is being opened, or one that has ended.
type activity struct {
	client string
	kind   Kind // KindConnect, KindSend or KindLeave
	number int
}

// maxLate is how much later than in reality an end may have been recorded, in milliseconds: a client that has an answer may
// act before the line of the answer is written.
const maxLate = 20

func newPlan(lines []*Line) *plan {
	p := &plan{lines: lines, loose: map[*Line]bool{}, soon: map[*Line][]*Line{}}
	ends := map[activity]*Line{}
	parallel := map[activity]bool{}
	for _, l := range lines {
		if a, ok := l.ends(); ok {
			ends[a], parallel[a] = l, l.Parallel
		}
	}
	running := map[activity]bool{}
	replies := repliesAfter(lines)
	for i, l := range lines {
		if l.input() && l.Kind != KindReply {
			for a := range running {
				// What ends after an answer to a call may have waited for it.
				if end := ends[a]; end != nil && end.Time <= min(l.Time+maxLate, replies[i]) {
					p.soon[l] = append(p.soon[l], end)
				}
			}
		}
		if a, ok := l.starts(); ok {
			running[a] = true
		}
		if l.Kind == KindEvent || l.Kind == KindCall {
			p.loose[l] = isLoose(running, parallel)
		}
		if a, ok := l.ends(); ok {
			delete(running, a)
		}
		if l.Kind == KindLeft {
			for a := range running {
				if a.client == l.Client {
					delete(running, a)
				}
			}
		}
	}
	return p
}

// repliesAfter returns, for each line, the time of the next answer of a client to a call.
func repliesAfter(lines []*Line) []float64 {
	times := make([]float64, len(lines))
	next := math.Inf(1)
	for i, l := range slices.Backward(lines) {
		times[i] = next
		if l.Kind == KindReply {
			next = l.Time
		}
	}
	return times
}

// isLoose reports whether an event may have come at another place: unless messages of one client, one after the other, are
// all that is being done.
func isLoose(running, parallel map[activity]bool) bool {
	client := ""
	for a := range running {
		if parallel[a] || client != "" && a.client != client {
			return true
		}
		client = a.client
	}
	return client == ""
}

func (l *Line) starts() (activity, bool) {
	switch l.Kind {
	case KindConnect, KindLeave:
		return activity{l.Client, l.Kind, 0}, true
	case KindSend, KindAsk:
		return activity{l.Client, KindSend, l.Number}, true
	default:
		return activity{}, false
	}
}

func (l *Line) ends() (activity, bool) {
	switch l.Kind {
	case KindReady:
		return activity{l.Client, KindConnect, 0}, true
	case KindLeft:
		return activity{l.Client, KindLeave, 0}, true
	case KindAnswer, KindFail, KindDone:
		return activity{l.Client, KindSend, l.Number}, true
	default:
		return activity{}, false
	}
}

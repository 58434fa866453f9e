package resume

import "time"

// marks remembers how much of a journal was sent by which time, without a time for each
// event: it is known for a few times only, a quarter of the age apart.
type marks struct {
	dropped uint64 // how many events of the journal were dropped so far
	n       int
	list    [5]mark
}

type mark struct {
	at   int64  // stamp of the clock
	sent uint64 // how many events were sent by then, dropped ones included
}

// due reports whether a mark is to be added.
func (m *marks) due(now int64, age time.Duration) bool {
	return m.n < len(m.list) && (m.n == 0 || now-m.list[m.n-1].at >= int64(age/4))
}

// add adds a mark: so many events that are not dropped were sent by now.
func (m *marks) add(now int64, sent int) {
	m.list[m.n] = mark{now, m.dropped + uint64(sent)}
	m.n++
}

// before removes the marks before the stamp old, and returns how many events that are not
// dropped were sent by then.
func (m *marks) before(old int64) int {
	var sent uint64
	i := 0
	for ; i < m.n && m.list[i].at < old; i++ {
		sent = m.list[i].sent
	}
	m.n = copy(m.list[:], m.list[i:m.n])
	if sent <= m.dropped {
		return 0
	}
	return int(sent - m.dropped)
}

// reset removes all marks: everything is sent anew.
func (m *marks) reset() { m.n = 0 }

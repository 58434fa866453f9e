package client

// message is what is sent.
type message struct {
	text []byte
	req  *request // nil of an event, an answer and a cancel
	at   *queue   // where it waits; nil if it does not

	prev, next *message
}

// queue has messages in order, of which each can be removed.
type queue struct {
	first, last *message
	n, bytes    int
}

func (q *queue) push(m *message) {
	m.at, m.prev, m.next = q, q.last, nil
	if q.last == nil {
		q.first = m
	} else {
		q.last.next = m
	}
	q.last = m
	q.n++
	q.bytes += len(m.text)
}

// pop removes the first; nil if there is none.
func (q *queue) pop() *message {
	m := q.first
	if m != nil {
		m.remove()
	}
	return m
}

// remove removes the message from where it waits. It reports whether it waited.
func (m *message) remove() bool {
	q := m.at
	if q == nil {
		return false
	}
	if m.prev == nil {
		q.first = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		q.last = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.at, m.prev, m.next = nil, nil, nil
	q.n--
	q.bytes -= len(m.text)
	return true
}

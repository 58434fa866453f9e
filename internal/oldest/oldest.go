// Package oldest provides a list that returns its oldest node in constant time.
package oldest

import "sync"

// List is a list in the order in which its nodes were added. The zero value is empty.
// Its methods run in constant time and are safe for concurrent use.
type List[T any] struct {
	mu          sync.Mutex
	first, last *Node[T]
	n           int
}

// Node is an element of a list, stored in its owner. The zero value is in no list.
type Node[T any] struct {
	owner      T
	since      int64
	in         bool
	prev, next *Node[T]
}

// Add appends a node, unless it is in the list already. now must not decrease from call
// to call.
func (l *List[T]) Add(n *Node[T], owner T, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.in {
		return
	}
	*n = Node[T]{owner: owner, since: now, in: true, prev: l.last}
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
	l.n++
}

// Remove removes a node, if it is in the list.
func (l *List[T]) Remove(n *Node[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(n)
}

func (l *List[T]) remove(n *Node[T]) {
	if !n.in {
		return
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	*n = Node[T]{}
	l.n--
}

// Over removes the oldest node and returns its owner, if the list has more than limit
// nodes and the oldest was added no later than by. A negative limit means no limit.
func (l *List[T]) Over(limit int, by int64) (owner T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit < 0 || l.n <= limit || l.first.since > by {
		return owner, false
	}
	owner = l.first.owner
	l.remove(l.first)
	return owner, true
}

// Len returns the number of nodes.
func (l *List[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

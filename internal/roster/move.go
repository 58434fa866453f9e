package roster

import "math"

// Of returns the entries of a client of this node.
func (t *Table) Of(client string) (all []*Entry) {
	if !t.used.Load() {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range t.byClient[client] {
		all = append(all, t.own.entries[i])
	}
	return all
}

// Move is Put of an entry that a client had at another node, where the limits of its declaration have been applied: it does not
// become one more.
func (t *Table) Move(e *Entry) error {
	return t.Put(Decl{Name: e.Name, PerRoom: math.MaxInt, Entries: math.MaxInt, Bytes: maxValue}, e)
}

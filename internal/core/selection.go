// Package core has what package websockets, the hub and the gateways share about selections
// of clients.
package core

import "slices"

// Names is an immutable list of names. Lists of one name need no memory of their own, so
// that a selection of one room allocates nothing.
type Names struct {
	one  string
	has  bool
	more []string
}

// With returns the list with names added.
func (l Names) With(names []string) Names {
	if len(names) == 0 {
		return l
	}
	if !l.has {
		l.one, l.has = names[0], true
		names = names[1:]
	}
	if len(names) > 0 {
		l.more = append(slices.Clip(l.more), names...)
	}
	return l
}

// Len returns the number of names.
func (l Names) Len() int {
	if !l.has {
		return 0
	}
	return 1 + len(l.more)
}

// At returns the i-th name.
func (l Names) At(i int) string {
	if i == 0 {
		return l.one
	}
	return l.more[i-1]
}

// Contains reports whether name is in the list.
func (l Names) Contains(name string) bool {
	return l.has && (l.one == name || slices.Contains(l.more, name))
}

// Slice returns the names; nil without any.
func (l Names) Slice() []string {
	if !l.has {
		return nil
	}
	return append([]string{l.one}, l.more...)
}

// AppendTo appends the names to dst.
func (l Names) AppendTo(dst []string) []string {
	if !l.has {
		return dst
	}
	return append(append(dst, l.one), l.more...)
}

// Selection selects clients of a gateway. The zero value is all of them.
type Selection struct {
	Namespace   string // "" is every namespace
	Rooms       Names  // clients that are in any of these,
	IDs         Names  // or that have one of these ids
	ExceptIDs   Names
	ExceptRooms Names
	// Narrowed: Rooms or IDs were chosen, perhaps none.
	Narrowed bool
	// Local: only clients of this process.
	Local bool
}

// Empty reports whether no client can be selected.
func (s Selection) Empty() bool { return s.Narrowed && s.Rooms.Len() == 0 && s.IDs.Len() == 0 }

package resume

import (
	"container/heap"
	"container/list"
	"net/netip"
)

// holders has the absent clients of a server by their address. The zero value is empty.
// Store.mu guards it.
type holders struct {
	byAddress map[netip.Addr]*holder
	order     largestFirst
	leaves    uint64 // how many clients have left so far
	n         int
}

// holder is one address with its absent clients, in the order in which they left.
type holder struct {
	address  netip.Addr
	journals list.List // of *Journal
	index    int       // in largestFirst
}

// place is where a journal is among the absent clients.
type place struct {
	holder *holder
	elem   *list.Element
	left   uint64 // its number among all that left; 0 while it is not absent
}

func (h *holder) oldest() *Journal { return h.journals.Front().Value.(*Journal) }

// add adds a client that has left, and returns its address.
func (hs *holders) add(j *Journal, from Address) *holder {
	h := hs.byAddress[from.Addr]
	if h == nil {
		if hs.byAddress == nil {
			hs.byAddress = map[netip.Addr]*holder{}
		}
		h = &holder{address: from.Addr}
		hs.byAddress[from.Addr] = h
	}
	hs.leaves++
	hs.n++
	j.place = place{h, h.journals.PushBack(j), hs.leaves}
	if h.journals.Len() == 1 {
		heap.Push(&hs.order, h)
	} else {
		heap.Fix(&hs.order, h.index)
	}
	return h
}

// remove removes a client that is absent.
func (hs *holders) remove(j *Journal) {
	h := j.place.holder
	hs.n--
	if h.journals.Len() == 1 { // before it is empty: the order needs its oldest
		heap.Remove(&hs.order, h.index)
		delete(hs.byAddress, h.address)
	}
	h.journals.Remove(j.place.elem)
	if h.journals.Len() > 0 {
		heap.Fix(&hs.order, h.index)
	}
	j.place = place{}
}

// largest returns the address with the most absent clients; among equal ones that of the
// client that left first. There must be one.
func (hs *holders) largest() *holder { return hs.order[0] }

// all returns all absent clients.
func (hs *holders) all() []held {
	all := make([]held, 0, hs.n)
	for _, h := range hs.order {
		for e := h.journals.Front(); e != nil; e = e.Next() {
			j := e.Value.(*Journal)
			all = append(all, held{j, j.place.left})
		}
	}
	return all
}

// largestFirst is a heap.
type largestFirst []*holder

func (l *largestFirst) Len() int { return len(*l) }

func (l *largestFirst) Less(i, j int) bool {
	a, b := (*l)[i], (*l)[j]
	if a.journals.Len() != b.journals.Len() {
		return a.journals.Len() > b.journals.Len()
	}
	return a.oldest().place.left < b.oldest().place.left
}

func (l *largestFirst) Swap(i, j int) {
	all := *l
	all[i], all[j] = all[j], all[i]
	all[i].index, all[j].index = i, j
}

func (l *largestFirst) Push(x any) {
	h := x.(*holder)
	h.index = len(*l)
	*l = append(*l, h)
}

func (l *largestFirst) Pop() any {
	last := len(*l) - 1
	h := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return h
}

package hub

import "slices"

// set is clients in the order in which they were added, except that the last one takes the place of one that leaves. So most
// of those that connected one after the other follow each other in a broadcast, and so does what the process and the
// kernel hold of them in memory: caches are missed less than in the order of a map.
type set[M comparable] struct {
	list  []M
	index map[M]int32 // where they are; nil while they are few
}

// fewClients is up to how many a set has no index.
const fewClients = 16

func (s *set[M]) add(c M) {
	if s.find(c) >= 0 {
		return
	}
	s.list = append(s.list, c)
	switch {
	case s.index != nil:
		s.index[c] = int32(len(s.list) - 1)
	case len(s.list) > fewClients:
		s.index = make(map[M]int32, len(s.list))
		for i, c := range s.list {
			s.index[c] = int32(i)
		}
	}
}

func (s *set[M]) remove(c M) {
	i := s.find(c)
	if i < 0 {
		return
	}
	s.list = removeAt(s.list, i)
	if s.index == nil {
		return
	}
	delete(s.index, c)
	if int(i) < len(s.list) {
		s.index[s.list[i]] = i
	}
	if len(s.list) <= fewClients/2 {
		s.index = nil
	}
}

// find returns where a client is; -1 for nowhere.
func (s *set[M]) find(c M) int32 {
	if s.index != nil {
		if i, ok := s.index[c]; ok {
			return i
		}
		return -1
	}
	return int32(slices.Index(s.list, c))
}

// removeAt moves the last client to i, and frees memory when most of it is not needed any more.
func removeAt[M any](list []M, i int32) []M {
	last := len(list) - 1
	list[i] = list[last]
	clear(list[last:])
	if list = list[:last]; last < cap(list)/4 {
		list = slices.Clone(list)
	}
	return list
}

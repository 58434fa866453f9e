package resume

import "unsafe"

// positions is a queue of positions in a ring, in the order in which a client was sent
// them. Positions that follow each other are one entry. push and pop take constant time on
// average.
type positions struct {
	runs []uint64 // first position << runBits | how many follow it
	head int      // runs before it are popped
	n    int
}

const (
	runBits = 18 // a run has at most 1<<18 positions
	runMask = 1<<runBits - 1

	positionBits = 64 - runBits // three quarters of them are enough for 1.6 years at 1,000,000 per second

	positionSize = int(unsafe.Sizeof(uint64(0)))
	fewRuns      = 32 // so many are not worth freeing
)

// push appends a position.
func (p *positions) push(pos uint64) {
	p.n++
	if last := len(p.runs) - 1; last >= p.head {
		if run := p.runs[last]; run&runMask != runMask && run>>runBits+run&runMask+1 == pos {
			p.runs[last]++
			return
		}
	}
	if len(p.runs) == cap(p.runs) && p.head > len(p.runs)/2 {
		p.runs = p.runs[:copy(p.runs, p.runs[p.head:])]
		p.head = 0
	}
	p.runs = append(p.runs, pos<<runBits)
}

// pop removes the first position and returns it. The queue must not be empty.
func (p *positions) pop() uint64 {
	run := p.runs[p.head]
	p.n--
	if run&runMask != 0 {
		p.runs[p.head] += 1<<runBits - 1
		return run >> runBits
	}
	p.head++
	switch rest := len(p.runs) - p.head; {
	case rest == 0 && cap(p.runs) <= fewRuns:
		p.runs, p.head = p.runs[:0], 0
	case rest == 0:
		p.runs, p.head = nil, 0
	case cap(p.runs) > fewRuns && rest < cap(p.runs)/8:
		p.runs, p.head = append(make([]uint64, 0, 2*rest), p.runs[p.head:]...), 0
	}
	return run >> runBits
}

// all yields the positions in order.
func (p *positions) all(yield func(uint64) bool) {
	for _, run := range p.runs[p.head:] {
		for first, i := run>>runBits, uint64(0); i <= run&runMask; i++ {
			if !yield(first + i) {
				return
			}
		}
	}
}

// index returns how many positions are before pos; -1 without pos.
func (p *positions) index(pos uint64) int {
	before := uint64(0)
	for _, run := range p.runs[p.head:] {
		if i := pos - run>>runBits; pos >= run>>runBits && i <= run&runMask {
			return int(before + i)
		}
		before += run&runMask + 1
	}
	return -1
}

// size returns how many bytes of memory the queue holds.
func (p *positions) size() int { return cap(p.runs) * positionSize }

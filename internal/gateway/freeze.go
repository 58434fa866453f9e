package gateway

import "sync"

// freezer has the callers of freeze that come together share one hold of moves.gate: each hold waits for the broadcasts that
// run, and keeps off the next ones. With one for each of hundreds of clients that move at once, a busy machine had no time
// left for broadcasts.
type freezer struct {
	mu      sync.Mutex
	waiting []*frozen // for the gate; the first of them takes it
}

// frozen is a call of freeze.
type frozen struct {
	f        func(now vector)
	done     chan struct{}
	returned bool // f has; otherwise it has panicked, or ended the goroutine that ran it
	panicked any
}

// freeze notes what has been delivered, while no event is: f is called meanwhile, perhaps on the goroutine of another caller.
func (mv *moves) freeze(f func(now vector)) {
	z, own := &mv.freezer, &frozen{f: f, done: make(chan struct{})}
	z.mu.Lock()
	z.waiting = append(z.waiting, own)
	first := len(z.waiting) == 1
	z.mu.Unlock()
	if first {
		mv.freezeAll()
	}
	<-own.done
	if !own.returned {
		panic(own.panicked) //nolint:forbidigo // that of f, on the goroutine of its caller
	}
}

// freezeAll calls the functions of all that wait for the gate.
func (mv *moves) freezeAll() {
	z := &mv.freezer
	mv.gate.Lock()
	defer mv.gate.Unlock()
	z.mu.Lock()
	all := z.waiting
	z.waiting = nil // those of later calls wait until the gate is open again
	z.mu.Unlock()
	now := mv.delivered.vector(mv.rt.node.ID, mv.rt.cluster.Numbered(), mv.lives)
	for _, one := range all {
		one.run(now)
	}
}

func (one *frozen) run(now vector) {
	defer close(one.done)
	defer func() { one.panicked = recover() }()
	one.f(now)
	one.returned = true
}

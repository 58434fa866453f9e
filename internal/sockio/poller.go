package sockio

// Sleeper waits for a socket by a [Poller] rather than on a goroutine of its own.
type Sleeper interface {
	// Wake is called at most once for each Watch. It must not block. A call may be on its way
	// while the place is left: then at is not the Sleeper's place any more.
	Wake(at Place)
}

// Place identifies one Watch of a [Poller].
type Place struct{ index, generation uint32 }

package backplane

import "time"

// Node is one process of an application.
type Node struct {
	// ID is unique among the nodes, and new at each start: 16 lower-case hexadecimal digits.
	ID string
	// Name is the host's name.
	Name string
	// Started is when the node started, by its own clock.
	Started time.Time
	// Draining reports that the node accepts no clients any more.
	Draining bool
	// Clients is how many clients are connected to the node, a few seconds ago for other nodes.
	Clients int
}

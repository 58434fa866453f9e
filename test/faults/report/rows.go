package main

// section is a part of the list.
type section struct {
	title       string
	kind        string
	first, last int
}

// sections are the list of bad inputs and faults, whole.
var sections = []section{
	{"Security reports against other servers", "V", 1, 37},
	{"Handshake", "F", 1, 19},
	{"Frames", "F", 20, 33},
	{"Engine.IO", "F", 34, 48},
	{"Socket.IO", "F", 49, 61},
	{"Handlers", "F", 62, 68},
	{"Life cycle and resources", "F", 69, 76},
	{"Distributed", "F", 77, 86},
}

// untested is a row without a test.
type untested struct {
	says   string // what happens
	reason string // why there is no test
}

const (
	noCluster = "adapters between nodes do not exist yet"
)

// exceptions are the rows without a test. One that has a test must not be here.
var exceptions = map[row]untested{
	{"F", 77}: {"Redis is down at the start, dies, restarts, fails over, or is a black hole for 30 s.", noCluster},
	{"F", 78}: {"Redis is slow.", noCluster},
	{"F", 79}: {"Entries of the stream between nodes are duplicated, out of order or missing.", noCluster},
	{"F", 80}: {"The stream is trimmed past a client's offset.", noCluster},
	{"F", 81}: {"Another node sends what is malformed, or of a type that nobody knows.", noCluster},
	{"F", 82}: {"A node is killed while others ask it for its clients.", noCluster},
	{"F", 83}: {"Two nodes have the same id.", noCluster},
	{"F", 84}: {"The cluster splits, and heals.", noCluster},
	{"F", 85}: {"Nodes of one cluster speak different versions.", noCluster},
	{"F", 86}: {"A node reads NATS too slowly.", noCluster},
}

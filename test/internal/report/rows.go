package main

// section is a part of the page.
type section struct {
	title       string
	kind        string
	first, last int
}

// sections are all rows of bad inputs and faults.
var sections = []section{
	{"Security reports against other servers", "V", 1, 37},
	{"Handshake", "F", 1, 19},
	{"Frames", "F", 20, 33},
	{"Engine.IO", "F", 34, 48},
	{"Socket.IO", "F", 49, 61},
	{"Handlers", "F", 62, 68},
	{"Life cycle and resources", "F", 69, 76},
	{"Distributed", "F", 77, 90},
	{"Seen in the field: life cycle and memory", "X", 1, 13},
	{"Seen in the field: access", "X", 14, 24},
	{"Seen in the field: logs", "X", 25, 30},
	{"Seen in the field: data", "X", 31, 42},
	{"Seen in the field: modules", "X", 43, 58},
	{"Seen in the field: HTTP and interoperability", "X", 59, 73},
}

// untested is a row without a test.
type untested struct {
	text   string // what happens
	reason string // why it has no test
}

const (
	noLog = "no engine keeps events yet"
	open  = "open"
)

// exceptions are the rows without a test. A row with a test must not be listed here.
var exceptions = map[row]untested{
	{"F", 80}: {"The stream is trimmed past a client's offset.", noLog},
	{"X", 68}: {"Clients that reconnect at a drain reach the process that is being drained.", open},
}

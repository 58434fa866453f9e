package packet

// names caches short strings that a client sends repeatedly, so that not every packet
// allocates them. Two share a slot, and a third replaces the older: the cache does not
// grow.
type names [4][2]string

// maxKept is the longest name that is cached, in bytes.
const maxKept = 64

func (n *names) get(b []byte) string {
	if len(b) == 0 || len(b) > maxKept {
		return string(b)
	}
	pair := &n[(len(b)+int(b[len(b)/2])+int(b[len(b)-1]))%len(n)]
	if pair[0] == string(b) {
		return pair[0]
	}
	if pair[1] != string(b) {
		pair[1], pair[0] = pair[0], string(b)
		return pair[0]
	}
	return pair[1]
}

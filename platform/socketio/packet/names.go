package packet

// names keeps short strings that a client sends again and again, so that each
// of its packets does not allocate them anew. Two share a place; a third takes
// that of the older: a client cannot make it grow.
type names [4][2]string

// maxKept is how long a name may be to be kept, in bytes.
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

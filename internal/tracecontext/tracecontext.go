// Package tracecontext checks W3C Trace Context, https://www.w3.org/TR/trace-context/.
package tracecontext

// Size is the length of a traceparent (§3.2): version, trace id, parent id and flags.
const Size = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")

// MaxState is the length of the longest tracestate that is passed on (§3.3.1.5).
const MaxState = 512

// Valid reports whether s is a traceparent of [Size] characters: lower case, and no id is zero. Version ff is none.
func Valid[T string | []byte](s T) bool {
	if len(s) != Size || s[0] == 'f' && s[1] == 'f' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if dash := i == 2 || i == 35 || i == 52; dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return !zeros(s[3:35]) && !zeros(s[36:52])
}

func zeros[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

// ValidState reports whether s may be a tracestate: printable ASCII, at most [MaxState] characters. Its list is for the library
// that reads it.
func ValidState[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= MaxState
}
